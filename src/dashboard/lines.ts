import { useQuery } from '@tanstack/react-query'
import { get } from './api.ts'
import type { LineState } from './types.ts'

/** The account's own: whatever views show of them is fetched once. */
export function useLines() {
  return useQuery({ queryKey: ['lines'], queryFn: () => get<{ data: LineState[] }>('/lines') })
}

/** Whether that may be a piece of the number, with punctuation or without. */
export function hasInNumber({ number }: { number: string }, typed: string): boolean {
  return number.includes(typed.replace(/[ .\-()[\]]/g, ''))
}
