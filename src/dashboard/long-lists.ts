import type { Query } from '@tanstack/react-query'

/** More than that are not fetched along with whatever changes: of thousands each time takes the server a tenth of a second. */
const FETCHED_OFTEN = 50
const SELDOM_MS = 10_000

/** Of a list that may be long. What a person did has it fetched at once all the same. */
export const MAY_BE_LONG = {
  meta: { mayBeLong: true },
  refetchInterval: (list: Fetched) => (isLong(list) ? SELDOM_MS : false),
} as const

interface Fetched {
  readonly state: { readonly data?: { readonly data: readonly unknown[] } | undefined }
}

export function isLong({ state }: Fetched): boolean {
  return (state.data?.data.length ?? 0) > FETCHED_OFTEN
}

/** Whether it is long, and what is there of it new enough. */
export function hasTime(query: Query): boolean {
  const { fetchStatus, dataUpdatedAt } = query.state
  const isNew = fetchStatus === 'fetching' || Date.now() - dataUpdatedAt < SELDOM_MS
  return query.meta?.mayBeLong === true && isLong(query as Fetched) && isNew
}
