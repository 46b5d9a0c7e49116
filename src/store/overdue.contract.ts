import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReceiptId } from '../core/id.ts'
import { OVERDUE_AT_ONCE } from '../core/overdue.ts'
import { setBack } from '../core/send-receipt.ts'
import { contactOf, type Desk, desk, LIFETIME_MS, LINE, type Place, WORDS } from './desk.contract.ts'
import { ROWS_PER_LOOK } from './overdue.ts'

const OLD = OVERDUE_AT_ONCE + 100
/** Together with the old more than one look covers, also when all those have been expired. */
const YOUNG = ROWS_PER_LOOK + 100
const YOUNG_AT = 5_000
const NOW = LIFETIME_MS + 500
const ALL = { created: {}, updated: {}, sent: {} }
const OLDEST = { orderBy: 'createdAt', direction: 'asc', limit: 10, offset: 0 } as const

/** A lane that is longer than a look at it, on every engine. */
export function describeOverdue(engine: string, place: () => Promise<Place>): void {
  describe(`looking for the overdue on ${engine}`, () => {
    test('goes on where the look before ended, and finds each that is too late once', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      // Some among the young, and more than are found at once behind them.
      const old = await setBackTo(d, (n) => YOUNG_AT + (n % 10 === 0 ? n : 2 * YOUNG))
      await request(d, (n) => YOUNG_AT + n)
      const { found, stretches, nextExpiryAt } = await sweep(d)
      assert.deepEqual(found, old)
      assert.deepEqual([stretches, nextExpiryAt], [2, YOUNG_AT + LIFETIME_MS])
    })

    test('comes to the end also where all are due at the same moment', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const old = await setBackTo(d, () => YOUNG_AT)
      await request(d, () => YOUNG_AT)
      const { found, nextExpiryAt } = await sweep(d)
      assert.deepEqual([found, nextExpiryAt], [old, YOUNG_AT + LIFETIME_MS])
    })

    test('says of what was too late before its line was served that nobody did, and else what kept it back', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials, lineId } = d
      const late = { lineId, obstacle: 'line_paused', servedFrom: LIFETIME_MS + 200, nextCallAt: 0, at: NOW } as const
      const swept = [await d.request(contactOf(0), 0), await d.request(contactOf(1), 300)]
      await store.expireReceipts({ ...late, receiptIds: swept })
      const claimed = [await d.request(contactOf(2), 0), await d.request(contactOf(3), 300)]
      await store.claimReceipts({ ...late, limit: 9 })
      for (const at of [0, 300])
        await store.sendMessage({ credentials, fromNumber: LINE, number: contactOf(4), ...WORDS, at })
      await store.claimMessage({ ...late, ready: true })
      const receipts = await Promise.all([...swept, ...claimed].map((id) => d.receipt(id)))
      const { messages } = await store.listMessages({ credentials, filter: ALL, page: OLDEST })
      const reasons = [...receipts, ...messages].map(({ reason }) => reason)
      const each = ['server_away', 'line_paused']
      assert.deepEqual(reasons, [...each, ...each, ...each])
    })
  })
}

/** Receipts that were asked for at 0, and are due again after a try that failed. */
async function setBackTo(d: Desk, nextAttemptAt: (n: number) => number): Promise<ReceiptId[]> {
  const ids = await Promise.all(Array.from({ length: OLD }, (_, n) => d.request(contactOf(n), 0)))
  const claims = []
  while (claims.length < OLD) claims.push(...(await d.claim(0)).claims)
  const outcome = { kind: 'unavailable', reason: 'unreachable' } as const
  const failed = claims.map((claim, n) =>
    setBack(claim, outcome, { lastDoneAt: Number.NEGATIVE_INFINITY, nextAttemptAt: nextAttemptAt(n) }, 1),
  )
  await Promise.all(failed.map((setback) => d.store.settleReceipts(setback)))
  return ids.sort((a, b) => a - b)
}

async function request(d: Desk, at: (n: number) => number): Promise<void> {
  await Promise.all(Array.from({ length: YOUNG }, (_, n) => d.request(contactOf(OLD + n), at(n))))
}

/** Once through the lane, as its sweeping does. */
async function sweep({ store, lineId }: Desk) {
  const found: ReceiptId[] = []
  const expiries: number[] = []
  let stretches = 1
  for (let [after, looks] = [null as number | null, 1]; ; looks++) {
    assert.ok(looks < 20, 'it comes to no end')
    const { receiptIds, nextExpiryAt, goOnAfter } = await store.findOverdue({ lineId, at: NOW, after })
    found.push(...receiptIds)
    await store.expireReceipts({ lineId, receiptIds, obstacle: 'pace', servedFrom: 0, at: NOW })
    if (receiptIds.length === OVERDUE_AT_ONCE) {
      assert.equal(goOnAfter, after)
      continue
    }
    if (nextExpiryAt !== null) expiries.push(nextExpiryAt)
    if (goOnAfter === null) break
    after = goOnAfter
    stretches += 1
  }
  return { found: found.sort((a, b) => a - b), stretches, nextExpiryAt: Math.min(...expiries) }
}
