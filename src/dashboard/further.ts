import { isCancelledError, type UseInfiniteQueryResult } from '@tanstack/react-query'
import { useState } from 'react'
import { fetchAnew } from './api.ts'

type Shown = Pick<UseInfiniteQueryResult, 'fetchNextPage' | 'isRefetching' | 'error' | 'refetch'>

/**
 * The next page of what is shown, and what of it could not be fetched. What a further page failed with stays until it is asked for
 * again, whatever is fetched anew meanwhile, and is nothing to whoever looks for something else.
 */
export function useFurther(shown: Shown, lookedFor: unknown) {
  const [failed, setFailed] = useState<{ error: Error; lookedFor: unknown }>()
  const error = failed?.lookedFor === lookedFor ? failed?.error : undefined
  const fetch = async () => {
    const breaksOff = shown.isRefetching
    try {
      // Its answer may tell of a fetch that came after it: what failed is thrown.
      await shown.fetchNextPage({ throwOnError: true })
      setFailed(undefined)
    } catch (thrown) {
      setFailed(isCancelledError(thrown) ? undefined : { error: thrown as Error, lookedFor })
    }
    // What was broken off for it may have had something new.
    if (breaksOff) void fetchAnew()
  }
  const ofAll = shown.error && { error: shown.error, again: shown.refetch }
  return { fetch, failed: error !== undefined, failure: error === undefined ? ofAll : { error, again: fetch } }
}
