import { type SetStateAction, useSyncExternalStore } from 'react'

const drafts = new Map<string, string>()
const listeners = new Set<() => void>()

/**
 * What was typed and is not sent, as `useState` would have it, but by where it was typed: there it is again once one comes back,
 * and there goes what could not be sent after one had left.
 */
export function useDraft(place: string): [string, (change: SetStateAction<string>) => void] {
  const get = () => drafts.get(place) ?? ''
  const draft = useSyncExternalStore(listen, get)
  const set = (change: SetStateAction<string>) => {
    drafts.set(place, typeof change === 'string' ? change : change(get()))
    for (const hear of listeners) hear()
  }
  return [draft, set]
}

export function forgetDrafts(): void {
  drafts.clear()
}

function listen(hear: () => void) {
  listeners.add(hear)
  return () => {
    listeners.delete(hear)
  }
}
