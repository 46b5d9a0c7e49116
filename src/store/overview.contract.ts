import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LineId } from '../core/id.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import { type Claim, settle } from '../core/send-receipt.ts'
import { contactOf, type Desk, desk, deskAt, done, LIFETIME_MS, LINE, type Place, WORDS } from './desk.contract.ts'

const OTHER_LINE = '+19175550100' as PhoneNumber
const MINUTE_MS = 60_000

/** What every engine shows of an account at a glance. */
export function describeOverview(engine: string, place: () => Promise<Place>): void {
  const end = async (d: Desk, n: number, at: number, ended = (claim: Claim) => done(claim, at)) => {
    await d.request(contactOf(n), at)
    for (const claim of (await d.claim(at)).claims) await d.store.settleReceipts(ended(claim))
  }

  describe(`the overview of an account on ${engine}`, () => {
    test('counts the last hour, and has the newest eight that did not go out, and what waits: of itself alone', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const other = await deskAt(d.store, OTHER_LINE)
      await d.store.leases?.hold({ wanted: [d.lineId, other.lineId] })
      const at = 100 * MINUTE_MS
      await end(d, 0, at - 60 * MINUTE_MS)
      await end(d, 0, at - 59 * MINUTE_MS)
      for (const n of [1, 2, 3, 4, 5, 6, 7, 8]) {
        await end(d, n, at, (claim) => settle(claim, { kind: 'rejected', reason: 'rejected' }, at, 1))
      }
      await end(d, 9, at, (claim) => settle(claim, { kind: 'not_supported', reason: 'sms' }, at, 1))
      await d.request(contactOf(12), at - LIFETIME_MS)
      await d.claim(at)
      await end(other, 1, at, (claim) => settle(claim, { kind: 'rejected', reason: 'rejected' }, at, 1))
      for (const n of [10, 11]) await d.request(contactOf(n), at)
      await other.request(contactOf(10), at)
      const { tallies, open, failures } = await d.store.overview({ credentials: d.credentials, at })
      assert.deepEqual(tallies.map(({ minute, state, receipts }) => [minute, state, receipts]).toSorted(), [
        [100, 'expired', 1],
        [100, 'failed', 8],
        [100, 'skipped', 1],
        [41, 'sent', 1],
      ])
      assert.equal(open, 2)
      assert.deepEqual(
        failures.map(({ number }) => number),
        [12, 9, 8, 7, 6, 5, 4, 3].map(contactOf),
      )
    })

    test('counts by status the lines that the account has, and none that was removed', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      await deskAt(store, OTHER_LINE)
      const { accountId } = await store.getOwnLine({ credentials, number: LINE })
      const lines: LineId[] = []
      for (const number of ['+14155550101', '+14155550102', '+14155550103'] as PhoneNumber[]) {
        const { line } = await store.createLine({ accountId, number, connector: 'simulator', settings: {}, at: 0 })
        lines.push(line.id)
      }
      const [first, second, removed] = lines as [LineId, LineId, LineId]
      for (const id of [first, second]) {
        await store.noteHealth({ id, health: { status: 'OFFLINE', reason: 'unreachable' }, at: 1 })
      }
      await store.removeLine({ id: removed, at: 1 })
      assert.deepEqual((await store.overview({ credentials, at: 1 })).lines, [
        { status: 'UNKNOWN', lines: 1 },
        { status: 'OFFLINE', lines: 2 },
      ])
    })

    test('says of each line when a contact wrote last, when a receipt ended last, and what waits', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      const other = await deskAt(store, OTHER_LINE)
      const draft = { email: 'b@example.com', plan: 'x', readReceiptsEnabled: true, at: 0 }
      const { credentials: nobody } = await store.createAccount(draft)
      assert.deepEqual(await store.listLineStates({ credentials: nobody }), [])
      for (const at of [1, 2]) await d.receive(contactOf(0), at)
      await store.sendMessage({ credentials, fromNumber: LINE, number: contactOf(0), ...WORDS, at: 3 })
      for (const at of [4, 5]) await end(d, 0, at)
      await d.request(contactOf(1), 6)
      const states = async (one: Desk) =>
        (await store.listLineStates({ credentials: one.credentials })).map(
          ({ line, lastInboundAt, lastReceiptAt, queued }) => [line.id, lastInboundAt, lastReceiptAt, queued],
        )
      assert.deepEqual(await states(d), [[d.lineId, 2, 5, 1]])
      assert.deepEqual(await states(other), [[other.lineId, null, null, 0]])
    })
  })
}
