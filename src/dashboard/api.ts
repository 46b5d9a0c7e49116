import { type Query, QueryClient } from '@tanstack/react-query'

/** What the server refused, in its own words. */
class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const ASKED_AGAIN = 'It is asked again as soon as it is back.'
const NOT_ASKED_AGAIN = 'Whether it heard of this nobody can tell: look when it is back, and try again.'

/** All that is shown waits for what is fetched, and each change of a thing for the one before: nothing may be waited for for ever. */
const ANSWERED_WITHIN_MS = 30_000

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Calls a door under `/console`. */
export async function call<T = unknown>(method: Method, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, credentials: 'same-origin', signal: AbortSignal.timeout(ANSWERED_WITHIN_MS) }
  if (body !== undefined) {
    init.headers = { 'content-type': 'application/json' }
    init.body = JSON.stringify(body)
  }
  const unreachable = () => {
    throw new Refusal(0, `The server cannot be reached. ${method === 'GET' ? ASKED_AGAIN : NOT_ASKED_AGAIN}`)
  }
  const response = await fetch(`/console${path}`, init).catch(unreachable)
  // A good answer that broke off is none; what comes from something before the server need not be JSON.
  const answer: unknown = await response.json().catch(response.ok ? unreachable : () => ({}))
  if (response.ok) return answer as T
  if (response.status === 401 && path !== '/session') void queries.invalidateQueries({ queryKey: ['session'] })
  const { message } = answer as { message?: string }
  throw new Refusal(response.status, message ?? `The server answered ${response.status}`)
}

export const get = <T>(path: string): Promise<T> => call<T>('GET', path)

export const queries = new QueryClient({
  defaultOptions: {
    // The server may be on this machine, whatever the browser thinks of its network.
    mutations: { networkMode: 'always' },
    queries: {
      networkMode: 'always',
      refetchOnWindowFocus: false,
      // What the server refused it refuses again; what did not reach it may get there.
      retry: (count, error) => error instanceof Refusal && error.status === 0 && count < 3,
      // A view that was left is shown at once when one comes back, and fetched anew beside.
      staleTime: 0,
    },
  },
})

/** All that is shown and not left out. A further page that is on its way is waited for: to fetch its list anew would throw it away. */
export function fetchAnew(isLeftOut: (query: Query) => boolean = () => false): Promise<void> {
  for (const { promise, queryKey } of queries.getQueryCache().findAll({ predicate: bringsFurther })) {
    const anew = () => queries.invalidateQueries({ queryKey, exact: true })
    void promise?.then(anew, anew)
  }
  return queries.invalidateQueries({
    predicate: (query) => !bringsFurther(query) && !isNotThere(query) && !isLeftOut(query),
  })
}

/** No change brings it, and what says so would give way to a moment of waiting at each. */
function isNotThere({ state: { error } }: Query): boolean {
  return error instanceof Refusal && error.status === 404
}

function bringsFurther({ state }: Query): boolean {
  return state.fetchStatus === 'fetching' && state.fetchMeta?.fetchMore !== undefined
}

/**
 * What a call may have changed is fetched anew. What the call did is under way until that is there, for a switch not to
 * fall back meanwhile; what it failed with is told at once.
 */
export function refresh(_answer: unknown, error: Error | null): Promise<void> | undefined {
  const fetched = fetchAnew()
  return error === null ? fetched : undefined
}

export function query(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '')
  return given.length === 0 ? '' : `?${new URLSearchParams(given as [string, string][])}`
}
