import { setTimeout as pause } from 'node:timers/promises'

const PATIENCE_MS = 20_000
/** A look is often a call, which costs both ends more than a millisecond: who waits for long looks less often. */
const PAUSE_SHARE = 0.05
const SHORTEST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 50

/** What `look` sees, as soon as it is what is waited for; throws with the last thing seen when it never is. */
export async function until<T>(
  what: string,
  look: () => Promise<T> | T,
  is: (seen: T) => boolean,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const startedAt = performance.now()
  for (;;) {
    const seen = await look()
    if (is(seen)) return seen
    const waitedMs = performance.now() - startedAt
    if (waitedMs > patienceMs) throw new Error(`Waited in vain for ${what}; last seen: ${JSON.stringify(seen)}`)
    await pause(Math.min(Math.max(waitedMs * PAUSE_SHARE, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS))
  }
}
