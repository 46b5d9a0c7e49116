import type { ClaimedMessage } from '../../core/sending.ts'
import type { Store } from '../../core/store.ts'
import { removeLine } from '../lines.ts'
import { claimMessage, endWaiting, releaseLostMessage } from '../message-lanes.ts'
import { claimDeliveries } from './deliveries.ts'
import { claimReceipts, expireReceipts, skipReceipts } from './outbox.ts'
import { RELEASE_LOST } from './outbox-statements.ts'
import { type Telling, type Tools, touch } from './telling.ts'

/** Each a transaction of its own: lanes come one by one. */
export function laneMethods({ transactions, leases, onChanges, ...session }: Tools, telling: Telling) {
  const { seal, rules } = session
  return {
    claimReceipts: (call) => telling((transaction) => claimReceipts(transaction, call, { leases, seal, rules })),
    expireReceipts: (call) =>
      telling(async (transaction) => ({ outcome: undefined, happenings: await expireReceipts(transaction, call) })),
    async releaseLost({ lineId, carried, at }) {
      await transactions.run('current', async (transaction) => {
        if (await leases.keeps(transaction, lineId)) await transaction.rows(RELEASE_LOST, [at, lineId, carried])
      })
    },
    claimMessage: (call) =>
      telling(async (transaction) => {
        const { lineId, nextCallAt } = call
        const permitted = await leases.permits(transaction, lineId, nextCallAt)
        if (!permitted) return { outcome: NOT_OURS, happenings: [] }
        const { answer, told } = await claimMessage({ ...session, db: transaction.db }, call)
        return { outcome: answer, happenings: told }
      }),
    async releaseLostMessage({ lineId, at }) {
      await transactions.run('current', async (transaction) => {
        if (!(await leases.keeps(transaction, lineId))) return
        await releaseLostMessage({ ...session, db: transaction.db }, { lineId, at })
      })
    },
    claimDeliveries: (call) => transactions.run('current', (transaction) => claimDeliveries(transaction, call, seal)),
    // Whoever takes a line takes up what a dead node had claimed on it; what it had of deliveries is due when their lease ends.
    async releaseReceipts() {},
    async endInterrupted() {},
    async releaseDeliveries() {},
    async removeLine({ id, at }) {
      await telling(async (transaction) => {
        await removeLine({ ...session, db: transaction.db }, { id, at })
        const skipped = await skipReceipts(transaction, { lineId: id, at })
        const ended = await endWaiting({ ...session, db: transaction.db }, { lineId: id, at })
        return { outcome: undefined, happenings: [...skipped, ...ended] }
      })
      touch({ onChanges }, 'all')
    },
  } satisfies Partial<Store>
}

const NOT_OURS: ClaimedMessage = { line: undefined, call: null, nextDueAt: null, nextExpiryAt: null }
