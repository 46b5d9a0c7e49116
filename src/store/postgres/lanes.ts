import { wasSetBack } from '../../core/clock-set-back.ts'
import type { LineId } from '../../core/id.ts'
import type { Store } from '../../core/store.ts'
import type { Context } from '../context.ts'
import { claimMessage, endRemovedMessages, NO_LINE, releaseLostMessage } from '../message-lanes.ts'
import { findRemains, linesToLookThrough, linesWithRemains, type RemovedLine } from '../removed-lines.ts'
import { claimReceipts } from './claims.ts'
import { claimDeliveries, HASTEN } from './deliveries.ts'
import { expireReceipts, skipReceipts } from './outbox.ts'
import { RELEASE_LOST } from './outbox-statements.ts'
import { type Telling, type Tools, touch } from './telling.ts'
import { IN_ORDER } from './transactions.ts'

/** Each a transaction of its own: lanes come one by one. */
export function laneMethods({ transactions, leases, onChanges, ...context }: Tools, telling: Telling) {
  const { seal, rules } = context
  /** When each line's lane last claimed; whatever the time was before its first. */
  const claimedAt = new Map<LineId, number>()
  return {
    async claimReceipts(call) {
      const { lineId, at } = call
      const setBack = wasSetBack(claimedAt.get(lineId) ?? Number.POSITIVE_INFINITY, at)
      const claimed = await telling((one) => claimReceipts(one, call, { leases, seal, rules, setBack }))
      if (claimed.line === undefined) claimedAt.delete(lineId)
      else claimedAt.set(lineId, at)
      return claimed
    },
    expireReceipts: (call) =>
      telling(async (transaction) => ({ answer: undefined, told: await expireReceipts(transaction, call) })),
    async releaseLost({ lineId, carried, at }) {
      await transactions.run('current', async (transaction) => {
        if (await leases.keeps(transaction, lineId)) await transaction.rows(RELEASE_LOST, [at, lineId, carried])
      })
    },
    claimMessage: (call) =>
      telling(async (transaction) => {
        const { lineId, nextCallAt } = call
        const permitted = await leases.permits(transaction, lineId, nextCallAt)
        if (!permitted) return { answer: NO_LINE, told: [] }
        return claimMessage({ ...context, db: transaction.db }, call)
      }),
    async releaseLostMessage({ lineId, at }) {
      await transactions.run('current', async (transaction) => {
        if (!(await leases.keeps(transaction, lineId))) return
        await releaseLostMessage({ ...context, db: transaction.db }, { lineId, at })
      })
    },
    async claimDeliveries(call) {
      const { claimed, touched } = await transactions.run('current', (one) => claimDeliveries(one, call, seal))
      touch({ onChanges }, touched)
      return claimed
    },
    // Whoever takes a line takes up what a dead node had claimed on it; what it had of deliveries is due when their lease ends.
    async releaseReceipts() {},
    async endInterrupted() {},
    async releaseDeliveries({ at }) {
      await transactions.run('current', (one) => one.rows(HASTEN, [at]))
    },
    endRemoved: (piece) =>
      telling(async (transaction) => {
        transaction.write(IN_ORDER, [])
        const own = { ...context, db: transaction.db }
        const line = await takeRemoved(own, piece.at)
        if (line === undefined) return { answer: false, told: [] }
        const { receiptIds, messageIds } = await findRemains(own, line, piece)
        const skipped = await skipReceipts(transaction, { receiptIds, at: piece.at })
        const ended = await endRemovedMessages(own, { messageIds, at: piece.at })
        leases.forget(transaction, line.id, piece.at)
        return { answer: true, told: [...skipped, ...ended] }
      }),
  } satisfies Partial<Store>
}

/** One that no other node is ending at this moment. */
async function takeRemoved(context: Context, at: number): Promise<RemovedLine | undefined> {
  const line = await linesToLookThrough(context, at).forUpdate().skipLocked().executeTakeFirst()
  return line ?? linesWithRemains(context).forUpdate().skipLocked().executeTakeFirst()
}
