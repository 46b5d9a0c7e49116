import { useMutation, useMutationState } from '@tanstack/react-query'
import { call, type Method, refresh } from './api.ts'

type Act = readonly [method: Method, path: string, body?: unknown]

/** What can be done to one thing, by buttons with a method each. */
export function useAct() {
  const act = useMutation({
    mutationFn: ([method, path, body]: Act) => call(method, path, body),
    onSettled: refresh,
  })
  /** Whether that is the one that is under way. */
  const busy = (method: Method) => act.isPending && act.variables[0] === method
  return { act: (...given: Act) => act.mutate(given), busy, error: act.error }
}

/**
 * Changes of one thing's settings. They go out one after the other, since a browser's calls may pass one another on the way; what of
 * them the server has not taken yet is `wanted`.
 */
export function useChanges<T extends object>(thing: string, send: (changed: Partial<T>) => Promise<unknown>) {
  const mutationKey = ['change', thing]
  const change = useMutation({ mutationKey, scope: { id: thing }, mutationFn: send, onSettled: refresh })
  const waiting = useMutationState({
    filters: { mutationKey, status: 'pending' },
    select: ({ state }) => state.variables as Partial<T>,
  })
  return { change: change.mutate, wanted: Object.assign({}, ...waiting) as Partial<T>, error: change.error }
}
