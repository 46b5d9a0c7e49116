import { useQuery } from '@tanstack/react-query'
import { get } from './api.ts'
import type { Reasons } from './types.ts'

/** What the words for "why not" mean, and what to do. */
export function useReasons(): Reasons {
  const { data } = useQuery({
    queryKey: ['reasons'],
    queryFn: () => get<{ data: Reasons }>('/reasons'),
    staleTime: 'static',
  })
  return data?.data ?? {}
}
