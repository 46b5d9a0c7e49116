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
    tell()
  }
  return [draft, set]
}

/** The same of what is no text, or may be an empty one: undefined where there is none. */
export function useKept<T>(place: string): [T | undefined, (change: SetStateAction<T | undefined>) => void] {
  const [text, setText] = useDraft(place)
  const change = (given: SetStateAction<T | undefined>) =>
    setText((before) => {
      const value = given instanceof Function ? given(parsed(before)) : given
      return value === undefined ? '' : JSON.stringify(value)
    })
  return [parsed(text), change]
}

function parsed<T>(text: string): T | undefined {
  return text === '' ? undefined : JSON.parse(text)
}

/** The same for a field of a form. */
export function useTyped(place: string) {
  const [value, set] = useDraft(place)
  return { value, onChange: (event: { currentTarget: { value: string } }) => set(event.currentTarget.value) }
}

let writer: string | undefined

/** A session may end while somebody types: it is there again once they have signed in anew, and gone for anybody else. */
export function keepDraftsOf(name: string): void {
  if (writer !== undefined && writer !== name) forgetDrafts('')
  writer = name
}

/** Where somebody types passwords, tokens and secrets, or is shown one. */
const SECRETS = ['settings ', 'line ', 'endpoint secret', 'fresh ']

/** They are typed anew rather than kept where nobody is signed in. */
export function forgetSecrets(): void {
  for (const places of SECRETS) forgetDrafts(places)
}

/** Those whose place begins so. */
export function forgetDrafts(places: string): void {
  for (const place of drafts.keys()) if (place.startsWith(places)) drafts.delete(place)
  tell()
}

/** Unless something else was typed there since. */
export function forgetSent(place: string, sent: string): void {
  if (drafts.get(place)?.trim() === sent) drafts.delete(place)
  tell()
}

function tell() {
  for (const hear of listeners) hear()
}

function listen(hear: () => void) {
  listeners.add(hear)
  return () => {
    listeners.delete(hear)
  }
}
