import { COLD_WRITES, LISTS, type Query, READS, SEEN_BY_ALL } from '../queries.ts'
import type { Semaphore } from '../semaphore.ts'
import { type Tools, touch } from './telling.ts'

/**
 * The queries that engines share: reads a statement at a time, writes in a snapshot that no other node has crossed. Lists come
 * `throughPlaces`: whoever asks for long ones keeps no call waiting.
 */
export function sharedMethods(
  { transactions, callers, onChanges, ...context }: Tools,
  throughPlaces: Semaphore['through'],
) {
  const seen = new Set<string>(SEEN_BY_ALL)
  const read = (name: string, query: Query) => {
    const asked = (argument: never) => transactions.run('none', ({ db }) => query({ ...context, db }, argument))
    return LISTS.includes(name) ? (argument: never) => throughPlaces(argument, () => asked(argument)) : asked
  }
  const write = (name: string, query: Query) => async (argument: never) => {
    const answer = await callers.run('snapshot', argument, async ({ db }) => {
      return { answer: await query({ ...context, db }, argument), told: [] }
    })
    if (seen.has(name)) touch({ onChanges }, 'all')
    return answer
  }
  const reads = Object.entries<Query>(READS).map(([name, query]) => [name, read(name, query)])
  const writes = Object.entries<Query>(COLD_WRITES).map(([name, query]) => [name, write(name, query)])
  return Object.fromEntries([...reads, ...writes])
}
