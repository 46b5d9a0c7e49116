import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReceiptId } from '../core/id.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import type { Claim } from '../core/send-receipt.ts'
import {
  away,
  claimedContacts,
  contactOf,
  type Desk,
  desk,
  deskAt,
  done,
  LIFETIME_MS,
  type Place,
} from './desk.contract.ts'

const HOUR_MS = 3_600_000
const OTHER_LINE = '+19175550100' as PhoneNumber

/** How receipts wait, join, are claimed and settled, on every engine. */
export function describeReceipts(engine: string, place: () => Promise<Place>): void {
  describe(`receipts on ${engine}`, () => {
    test('joins what is queued: one row, each request counted, its life renewed', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const ids = await Promise.all(Array.from({ length: 50 }, (_, n) => d.request(contactOf(0), n)))
      assert.equal(new Set(ids).size, 1)
      const [handle] = (await d.receive(contactOf(0), 60))[0]?.messageIds ?? []
      await d.request(contactOf(0), 61)
      const receipt = await d.receipt(ids[0] as ReceiptId)
      const { requests, readUpTo, expiresAt, nextAttemptAt, requestedAt } = receipt
      assert.deepEqual([requests, readUpTo, expiresAt, nextAttemptAt], [51, handle, 61 + LIFETIME_MS, requestedAt])
    })

    test('are for the conversation with a contact, whatever a group is called', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const write = async (change: object) => (await d.receive(contactOf(0), 1, change))[0]?.messageIds[0]
      const direct = await write({})
      await write({ kind: 'group', conversationAddress: contactOf(0) })
      for (const requests of [1, 2]) {
        const receipt = await d.receipt(await d.request(contactOf(0), 2))
        assert.deepEqual([receipt.readUpTo, receipt.requests], [direct, requests])
      }
    })

    test('claims the longest due first, no more than asked for, and none that is under way', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      for (const n of [3, 1, 2]) await d.request(contactOf(n), n)
      assert.deepEqual(await claimedContacts(d, 0), [])
      assert.equal((await d.claim(0)).nextDueAt, 1)
      assert.deepEqual(await claimedContacts(d, 10, 2), [contactOf(1), contactOf(2)])
      await d.request(contactOf(1), 11)
      assert.deepEqual(await claimedContacts(d, 20), [contactOf(3)])
      assert.equal((await d.claim(20)).nextDueAt, null)
    })

    test('claims at once what was asked for by a clock that was set back since, before the first claim or after it', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      for (const n of [0, 1]) {
        await d.request(contactOf(n), HOUR_MS)
        assert.deepEqual(await claimedContacts(d, 5), [contactOf(n)])
        assert.deepEqual(await claimedContacts(d, HOUR_MS), [])
      }
    })

    test('claims at once what was asked for before the clock was set ahead, and came back from its carrier meanwhile', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { both } = await joinedDuringItsCall(d)
      await d.store.settleReceipts(away(both, HOUR_MS))
      assert.deepEqual((await d.claim(HOUR_MS)).claims, [])
      const [again] = (await d.claim(20)).claims
      assert.deepEqual(
        again?.receipts.map(({ id }) => id),
        both.receipts.map(({ id }) => id),
      )
    })

    test('keeps a receipt sending through a setback, and settles it with the one queued behind it', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const first = await d.request(contactOf(0), 0)
      const [claim] = (await d.claim(1)).claims
      assert.ok(claim)
      const [newest] = (await d.receive(contactOf(0), 2, { carrierMessageId: 'newest' }))[0]?.messageIds ?? []
      const second = await d.request(contactOf(0), 2)
      assert.notEqual(second, first)
      await d.store.settleReceipts(away(claim, 3))
      const { state, reason, nextAttemptAt, attempts } = await d.receipt(first)
      assert.deepEqual([state, reason, nextAttemptAt, attempts], ['sending', 'unreachable', 13, 1])
      const [again] = (await d.claim(13)).claims
      assert.deepEqual(
        again?.receipts.map(({ id }) => id),
        [first, second],
      )
      assert.deepEqual([again?.readUpTo, again?.carrierMessageIds], [newest, ['newest']])
      await d.store.settleReceipts(done(again as Claim, 14))
      for (const id of [first, second]) {
        const receipt = await d.receipt(id)
        assert.deepEqual([receipt.state, receipt.settledAt], ['sent', 14])
      }
    })

    test('has one that was set back due at once for whoever joins it', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { both, rider } = await joinedDuringItsCall(d)
      await d.store.settleReceipts(away(both, 15))
      assert.equal((await d.receipt(rider)).nextAttemptAt, 25)
      assert.equal(await d.request(contactOf(0), 16), rider)
      assert.equal((await d.receipt(rider)).nextAttemptAt, 16)
    })

    test('leaves one that was joined during its call for the next call', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { both, rider } = await joinedDuringItsCall(d)
      await d.store.settleReceipts(done(both, 15))
      assert.equal((await d.receipt(rider)).state, 'queued')
      assert.deepEqual(await claimedContacts(d, 16), [contactOf(0)])
    })

    test('moves how far the carrier took it forward only', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const marks: unknown[] = []
      for (const at of [1, 2, 3]) {
        await d.receive(contactOf(0), at)
        await d.request(contactOf(0), at)
        const [claim] = (await d.claim(at)).claims
        marks.push(claim?.conversation.readThrough)
        await d.store.settleReceipts(done(claim as Claim, at))
        // An answer that comes late must not take back what a newer one said.
        await d.store.settleReceipts({ ...done(claim as Claim, at), readThrough: 1 as Claim['readUpTo'] })
      }
      assert.deepEqual(marks, [null, 1, 2])
    })

    test('expires what is too late, with what stood in the way', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const ids = [await d.request(contactOf(0), 0), await d.request(contactOf(1), 500)]
      const look = { lineId: d.lineId, after: null }
      assert.deepEqual(await d.store.findOverdue({ ...look, at: 999 }), {
        receiptIds: [],
        nextExpiryAt: 1_000,
        goOnAfter: null,
      })
      const { receiptIds, nextExpiryAt } = await d.store.findOverdue({ ...look, at: 1_000 })
      assert.deepEqual([receiptIds, nextExpiryAt], [[ids[0]], 1_500])
      await d.store.expireReceipts({ lineId: d.lineId, receiptIds, obstacle: 'rate_limited', servedFrom: 0, at: 1_000 })
      const { state, reason, settledAt } = await d.receipt(ids[0] as ReceiptId)
      assert.deepEqual([state, reason, settledAt], ['expired', 'rate_limited', 1_000])
      const anew = await d.request(contactOf(0), 1_001)
      assert.notEqual(anew, ids[0])
      assert.deepEqual(await claimedContacts(d, 1_500), [contactOf(0)])
      assert.equal((await d.receipt(ids[1] as ReceiptId)).state, 'expired')
    })

    test('has what was set back due at once where its line is changed, and neither a pause nor what is under way', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials, lineId: id } = d
      await store.setAutoMarkRead({ credentials, autoMarkRead: true })
      await store.setAutoTiming({ credentials, timing: { mode: 'after', delayMs: 100, jitterMs: 0 } })
      await d.receive(contactOf(1), 1)
      await d.request(contactOf(0), 1)
      const [claim] = (await d.claim(1)).claims
      await store.settleReceipts(away(claim as Claim, 3))
      assert.deepEqual(await claimedContacts(d, 5), [])
      await store.hastenTries({ id, at: 5 })
      assert.deepEqual(await claimedContacts(d, 5), [contactOf(0)])
      await store.hastenTries({ id, at: 6 })
      assert.deepEqual(await claimedContacts(d, 6), [])
      assert.deepEqual(await claimedContacts(d, 101), [contactOf(1)])
    })

    test('sends with a reply what waited for it, however late that comes, and nothing that is under way', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials, lineId } = d
      await store.setAutoMarkRead({ credentials, autoMarkRead: true })
      await store.setAutoTiming({ credentials, timing: { mode: 'on_reply' } })
      const [stored] = await d.receive(contactOf(0), 1)
      const late = 1 + 2 * LIFETIME_MS
      const reply = (at: number) => {
        const replies = [{ carrierConversation: `chat of ${contactOf(0)}`, sentAt: at }]
        return store.noteReplies({ lineId, replies, at })
      }
      assert.equal(await reply(late), 1)
      const { claims } = await d.claim(late)
      assert.deepEqual(
        claims.flatMap(({ receipts }) => receipts.map(({ id }) => id)),
        [stored?.receiptId],
      )
      assert.equal(await reply(late + 1), 0)
      assert.deepEqual((await d.claim(late + 1)).claims, [])
    })

    test('sends with a reply to the contact what waited for it, whichever of its words the carrier has for that', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials, lineId } = d
      await store.setAutoMarkRead({ credentials, autoMarkRead: true })
      await store.setAutoTiming({ credentials, timing: { mode: 'on_reply' } })
      for (const n of [0, 1]) await d.receive(contactOf(n), 1)
      const other = await deskAt(store, OTHER_LINE)
      const reply = (contact?: Address, to = lineId) => {
        const replies = [{ carrierConversation: 'another chat', contact, sentAt: 2 }]
        return store.noteReplies({ lineId: to, replies, at: 2 })
      }
      assert.deepEqual([await reply(), await reply(contactOf(2)), await reply(contactOf(1), other.lineId)], [0, 0, 0])
      assert.equal(await reply(contactOf(1)), 1)
      assert.deepEqual(await claimedContacts(d, 2), [contactOf(1)])
    })

    test('gives back what was claimed, but for what is carried', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      for (const n of [0, 1]) await d.request(contactOf(n), n)
      const [carried] = (await d.claim(1)).claims
      assert.deepEqual(await d.store.linesWithReceipts(), [])
      const { id } = (carried as Claim).conversation
      await d.store.releaseLost({ lineId: d.lineId, carried: [id], at: 2 })
      assert.deepEqual(await d.store.linesWithReceipts(), [d.lineId])
      assert.deepEqual(await claimedContacts(d, 2), [contactOf(1)])
    })
  })
}

/** One that was set back has another behind it; a call takes both, and the one behind is joined meanwhile. */
async function joinedDuringItsCall(d: Desk): Promise<{ both: Claim; rider: ReceiptId }> {
  await d.request(contactOf(0), 0)
  const [claim] = (await d.claim(1)).claims
  const rider = await d.request(contactOf(0), 2)
  await d.store.settleReceipts(away(claim as Claim, 3))
  const [both] = (await d.claim(13)).claims
  assert.equal(await d.request(contactOf(0), 14), rider)
  return { both: both as Claim, rider }
}
