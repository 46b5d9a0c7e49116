import { KEY_CHECK } from '../key-check.ts'
import type { Statement, Transactions } from './transactions.ts'

/**
 * Throws `unavailable` where nothing can be committed. A standby answers all the same, and so does a server that was made to take no more
 * writes, or whose own standby has to have them and is away. Who asks meanwhile hears the same: all would wait for the one row, each with
 * a connection that calls need.
 */
export function readiness(transactions: Transactions): () => Promise<void> {
  let under: Promise<void> | undefined
  return () => {
    under ??= transactions
      .run('current', async (transaction) => transaction.write(WRITE, []))
      .finally(() => {
        under = undefined
      })
    return under
  }
}

/** A row that every store has, as it is. */
const WRITE: Statement = {
  name: 'write as before',
  text: `update facts set value = value where name = '${KEY_CHECK}'`,
}
