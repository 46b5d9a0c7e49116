import { useQuery } from '@tanstack/react-query'
import { get } from './api.ts'
import { isLong, MAY_BE_LONG } from './long-lists.ts'
import type { LineState } from './types.ts'

/** The account's own: whatever views show of them is fetched once. */
export function useLines() {
  return useQuery({ queryKey: ['lines'], queryFn: () => get<{ data: LineState[] }>('/lines'), ...MAY_BE_LONG })
}

const SELDOM_MS = 60_000

/** The same, to choose one from: how each of them does may be old. */
export function useLineChoice() {
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
