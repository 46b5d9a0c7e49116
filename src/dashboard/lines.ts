import { useQuery } from '@tanstack/react-query'
import { get } from './api.ts'
import type { LineState } from './types.ts'

/** The account's own: whatever views show of them is fetched once. */
export function useLines() {
  return useQuery({ queryKey: ['lines'], queryFn: () => get<{ data: LineState[] }>('/lines') })
}

/** More than that are not fetched along with whatever changes: of thousands each time takes the server a tenth of a second. */
const FETCHED_OFTEN = 50
const SELDOM_MS = 60_000

/** The same, to choose one from: how each of them does may be old. */
export function useLineChoice() {
  const isLong = ({ state }: { state: { data?: { data: LineState[] } | undefined } }) =>
    (state.data?.data.length ?? 0) > FETCHED_OFTEN
  return useQuery({
    queryKey: ['lines'],
    queryFn: () => get<{ data: LineState[] }>('/lines'),
    staleTime: (query) => (isLong(query) ? 'static' : 0),
    refetchInterval: (query) => (isLong(query) ? SELDOM_MS : false),
  })
}

/** Whether that may be a piece of the number, with punctuation or without. */
export function hasInNumber({ number }: { number: string }, typed: string): boolean {
  return number.includes(typed.replace(/[ .\-()[\]]/g, ''))
}
