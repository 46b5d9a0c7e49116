import { useQuery } from '@tanstack/react-query'
import { get } from '../api.ts'
import type { Reasons } from '../types.ts'
import { plain } from '../words.ts'

/** A reason, what it means and what to do. */
export function Why({ reason }: { reason: string }) {
  const reasons = useQuery({
    queryKey: ['reasons'],
    queryFn: () => get<{ data: Reasons }>('/reasons'),
    staleTime: 'static',
  })
  const known = reasons.data?.data[reason]
  return (
    <>
      <strong>{plain(reason)}.</strong> {known?.meaning} <span className="remedy">{known?.remedy}</span>
    </>
  )
}
