import { useQuery } from '@tanstack/react-query'
import { get } from './api.ts'
import type { LineState } from './types.ts'

/** The account's own: whatever views show of them is fetched once. */
export function useLines() {
  return useQuery({ queryKey: ['lines'], queryFn: () => get<{ data: LineState[] }>('/lines') })
}
