import { useMutation } from '@tanstack/react-query'
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
