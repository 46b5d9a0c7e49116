import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PhoneNumber } from '../core/phone-number.ts'
import type { ReceiptFilter } from '../core/receipt.ts'
import { contactOf, type Desk, desk, deskAt, done, LINE, type Place } from './desk.contract.ts'

const OTHER_LINE = '+19175550100' as PhoneNumber

/** What an account is shown of its receipts, on every engine. */
export function describeReceiptLists(engine: string, place: () => Promise<Place>): void {
  const list = async ({ store, credentials }: Desk, filter: Partial<ReceiptFilter> = {}) => {
    const receipts = await store.listReceipts({ credentials, filter: { limit: 9, ...filter } })
    return receipts.map(({ id }) => id)
  }
  const read = async (d: Desk, at: number) => {
    const id = await d.request(contactOf(0), at)
    for (const claim of (await d.claim(at)).claims) await d.store.settleReceipts(done(claim, at))
    return id
  }

  describe(`lists of receipts on ${engine}`, () => {
    test('are their account’s alone, whatever they are asked for by', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const other = await deskAt(d.store, OTHER_LINE)
      await d.store.leases?.hold({ wanted: [d.lineId, other.lineId] })
      const [own, theirs] = [await read(d, 1), await read(other, 1)]
      const [waiting, theirsWaiting] = [await d.request(contactOf(0), 2), await other.request(contactOf(0), 2)]
      for (const filter of [{}, { number: contactOf(0) }]) {
        assert.deepEqual(await list(d, filter), [waiting, own])
        assert.deepEqual(await list(other, filter), [theirsWaiting, theirs])
      }
      const number = contactOf(0)
      assert.deepEqual(
        [await list(d, { fromNumber: OTHER_LINE }), await list(d, { fromNumber: OTHER_LINE, number })],
        [[], []],
      )
    })

    test('have by a number the newest on all lines, those that wait in their place, and no more than asked for', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      const { accountId } = await store.getOwnLine({ credentials, number: LINE })
      await store.createLine({ accountId, number: OTHER_LINE, connector: 'simulator', settings: {}, at: 0 })
      const number = contactOf(0)
      const call = { credentials, number, fromNumber: OTHER_LINE, trigger: 'api', relayed: false, at: 1 } as const
      const { receiptId: waiting } = await store.markRead(call)
      const [first, second] = [await read(d, 2), await read(d, 3)]
      assert.deepEqual(await list(d, { number }), [second, first, waiting])
      assert.deepEqual(await list(d, { number, limit: 2 }), [second, first])
      assert.deepEqual(await list(d, { number, limit: 2, before: first }), [waiting])
    })
  })
}
