import type { UseInfiniteQueryResult } from '@tanstack/react-query'
import { useState } from 'react'
import { fetchAnew } from './api.ts'

/** The next page of what is shown. What it failed with stays until it is asked for again, whatever is fetched anew meanwhile. */
export function useFurther(shown: Pick<UseInfiniteQueryResult, 'fetchNextPage' | 'isRefetching'>) {
  const [error, setError] = useState<Error | null>(null)
  const fetch = async () => {
    const breaksOff = shown.isRefetching
    const fetched = await shown.fetchNextPage()
    setError(fetched.isFetchNextPageError ? fetched.error : null)
    // What was broken off for it may have had something new.
    if (breaksOff) void fetchAnew()
  }
  return { error, fetch }
}
