import { COLD_WRITES, LISTS, READS, SEEN_BY_ALL } from '../queries.ts'
import type { Session } from '../session.ts'
import type { Semaphore } from './semaphore.ts'
import { type Tools, touch } from './telling.ts'

type Query = (session: Session, argument: never) => Promise<unknown>

/**
 * The queries that engines share: reads a statement at a time, writes in a snapshot that no other node has crossed. Lists have half of
 * the connections at the most: whoever asks for long ones keeps no call waiting.
 */
export function sharedMethods({ transactions, onChanges, ...session }: Tools, lists: Semaphore) {
  const seen = new Set<string>(SEEN_BY_ALL)
  const through = (isolation: 'none' | 'snapshot', queries: Readonly<Record<string, Query>>) =>
    Object.entries(queries).map(([name, query]) => {
      const asked = (argument: never) => transactions.run(isolation, ({ db }) => query({ ...session, db }, argument))
      const ask = LISTS.includes(name) ? (argument: never) => lists.through(() => asked(argument)) : asked
      const method = async (argument: never) => {
        const answer = await ask(argument)
        if (seen.has(name)) touch({ onChanges }, 'all')
        return answer
      }
      return [name, method] as const
    })
  return Object.fromEntries([...through('none', READS), ...through('snapshot', COLD_WRITES)])
}
