import { setTimeout as pause } from 'node:timers/promises'

const PATIENCE_MS = 20_000

/** What `look` sees, as soon as it is what is waited for; throws with the last thing seen when it never is. */
export async function until<T>(
  what: string,
  look: () => Promise<T> | T,
  is: (seen: T) => boolean,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const giveUpAt = performance.now() + patienceMs
  for (;;) {
    const seen = await look()
    if (is(seen)) return seen
    if (performance.now() > giveUpAt) throw new Error(`Waited in vain for ${what}; last seen: ${JSON.stringify(seen)}`)
    await pause(5)
  }
}
