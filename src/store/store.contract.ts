import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EventId, LineId, ReceiptId } from '../core/id.ts'
import { percentile } from '../core/overview.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import { AGED } from '../core/retention.ts'
import type { Claim } from '../core/send-receipt.ts'
import type { MessageCall } from '../core/sending.ts'
import type { LineToEnrol } from '../core/store.ts'
import { contactOf, type Desk, desk, deskAt, done, LINE, open, type Place, WORDS } from './desk.contract.ts'

/** What every engine keeps to. */
export function describeStore(engine: string, place: () => Promise<Place>): void {
  const code = (wanted: string) => (error: unknown) => (error as { code?: string }).code === wanted

  describe(`the store on ${engine}`, () => {
    test('finds again what was written, and refuses another secret key', async () => {
      await using kept = await place()
      const first = await desk(kept)
      const id = await first.request(contactOf(0), 5)
      await first.store.close()
      await assert.rejects(open(kept, { secretKey: '1'.repeat(64) }), code('invalid'))
      const store = await open(kept)
      const { credentials } = first
      assert.equal((await store.getReceipt({ credentials, id })).requestedAt, 5)
      assert.deepEqual((await store.getLine({ number: LINE })).settings, { password: 'hidden' })
      await store.close()
    })

    test('counts what receipts come to by the minute, and forgets what is old of it', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const [then, now] = [10 * 60_000, 20 * 60_000]
      for (const at of [then, then + 60_000, now]) {
        await d.receive(contactOf(0), at)
        await d.request(contactOf(0), at)
        const { claims } = await d.claim(at)
        for (const claim of claims) await d.store.settleReceipts(done(claim, at + 5))
      }
      const tallies = async () => (await d.store.overview({ credentials: d.credentials, at: now })).tallies
      const minutes = async () => (await tallies()).map(({ minute, state, receipts }) => [minute, state, receipts])
      assert.deepEqual(await minutes(), [
        [10, 'sent', 1],
        [11, 'sent', 1],
        [20, 'sent', 1],
      ])
      assert.ok((percentile(await tallies(), 0.5) ?? 0) >= 4)
      const forget = () => d.store.forgetTallies({ before: now, limit: 1 })
      assert.deepEqual([await forget(), await forget(), await forget()], [1, 1, 0])
      assert.deepEqual(await minutes(), [[20, 'sent', 1]])
    })

    test('has a line enrolled only as it was told to its carrier', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const [here, there] = ['https://here.example/', 'https://there.example/'] as const
      const toEnrol = (inboundBase: string) => d.store.linesToEnrol({ inboundBase })
      const [{ line, inboundSecret }] = (await toEnrol(here)) as [LineToEnrol]
      const told = { id: line.id, inboundSecret, inboundBase: here, settings: line.settings }
      await d.store.updateLine({ id: line.id, settings: { url: 'http://127.0.0.1:9' } })
      assert.equal(await d.store.noteEnrolled(told), false)
      assert.equal((await toEnrol(here)).length, 1)
      const { settings } = await d.store.getLine({ number: LINE })
      assert.equal(await d.store.noteEnrolled({ ...told, inboundSecret: 'another', settings }), false)
      assert.equal(await d.store.noteEnrolled({ ...told, settings }), true)
      assert.deepEqual(await toEnrol(here), [])
      assert.deepEqual(
        (await toEnrol(there)).map(({ before }) => before),
        [here],
      )
      assert.deepEqual(await d.store.linesToEnrol({ inboundBase: there, id: (line.id + 1) as LineId }), [])
      await d.store.enrolAgain({ id: line.id })
      assert.equal((await toEnrol(here)).length, 1)
    })

    test('moves on how far was fetched from where it stands, whoever else began from elsewhere', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const note = (since: string | null, cursor: string) => d.store.noteCursor({ id: d.lineId, since, cursor })
      await note(null, 'row 1')
      await note(null, 'row 5')
      await note('row 1', 'row 2')
      await note('row 1', 'row 4')
      assert.equal((await d.store.getLine({ number: LINE })).catchUpCursor, 'row 2')
    })

    test('refuses a call of a batch without touching the others', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const wrong = { ...d.credentials, secret: 'wrong' }
      const call = { number: contactOf(0), fromNumber: LINE, trigger: 'api', relayed: false, at: 1 } as const
      const outcomes = await Promise.allSettled([
        d.request(contactOf(1), 1),
        d.store.markRead({ ...call, credentials: wrong }),
        d.store.markRead({ ...call, credentials: d.credentials, fromNumber: '+19175550100' as PhoneNumber }),
        d.request(contactOf(2), 1),
      ])
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
      )
      const listed = await d.store.listReceipts({ credentials: d.credentials, filter: { limit: 10 } })
      assert.deepEqual(
        listed.map(({ number }) => number),
        [contactOf(2), contactOf(1)],
      )
    })

    test('stores an inbound once, in parts, with the auto rule’s decision', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      await d.store.setAutoMarkRead({ credentials: d.credentials, autoMarkRead: true })
      const parts = [
        { content: 'Two', mediaUrl: null },
        { content: null, mediaUrl: null },
      ] as const
      const once = { carrierMessageId: 'same', parts }
      const [first] = await d.receive(contactOf(0), 1, once)
      const [again] = await d.receive(contactOf(0), 2, once)
      assert.deepEqual([first?.messageIds.length, first?.repeated], [2, false])
      assert.deepEqual([again?.messageIds, again?.repeated, again?.receiptId], [first?.messageIds, true, null])
      const receipt = await d.receipt(first?.receiptId as ReceiptId)
      assert.deepEqual([receipt.trigger, receipt.requests, receipt.readUpTo], ['auto', 1, first?.messageIds[1]])
      const [old] = await d.receive(contactOf(1), 100_000, { sentAt: 1 })
      assert.equal(old?.receiptId, null)
    })

    test('forgets what is old and ended, piece by piece, and recognises it all the same', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      for (const at of [1, 2, 3]) await d.receive(contactOf(0), at)
      const [old, waiting] = [await d.request(contactOf(0), 4), await d.request(contactOf(1), 5)]
      await d.store.settleReceipts(done((await d.claim(4)).claims[0] as Claim, 6))
      const young = await d.request(contactOf(0), 100)
      for (const kind of AGED) {
        for (let after: number | null = 0; after !== null; ) {
          after = await d.store.forgetOld({ kind, before: 50, at: 101, after, limit: 2 })
        }
      }
      const left = await d.store.listReceipts({ credentials: d.credentials, filter: { limit: 9 } })
      assert.deepEqual(new Set(left.map(({ id }) => id)), new Set([waiting, young]))
      await assert.rejects(d.receipt(old), code('not_found'))
      assert.deepEqual(await d.store.listEvents({ after: 0 as EventId, limit: 9 }), [])
      const [again] = await d.receive(contactOf(0), 101, { carrierMessageId: 'message 1' })
      assert.equal(again?.repeated, true)
      // The newest of the conversation is there.
      const { claims } = await d.claim(101)
      const marked = claims.flatMap(({ carrierMessageIds }) => carrierMessageIds)
      assert.deepEqual(marked, ['message 3'])
      for (const claim of claims) await d.store.settleReceipts(done(claim, 102))
      assert.equal((await d.receipt(young)).state, 'sent')
    })

    test('opens no conversation for what came before, whoever it is from this time', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      const carrierMessageId = 'same'
      await d.receive(contactOf(0), 1, { carrierMessageId })
      const [again] = await d.receive(contactOf(1), 2, { carrierMessageId })
      assert.equal(again?.repeated, true)
      const { conversations } = await store.listConversations({ credentials, filter: { limit: 9 } })
      assert.deepEqual(
        conversations.map(({ number }) => number),
        [contactOf(0)],
      )
    })

    test('recognises what came again until that is forgotten, of each line by itself', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const other = await deskAt(d.store, '+19175550100' as PhoneNumber)
      const carrierMessageId = 'same'
      await d.receive(contactOf(0), 1, { carrierMessageId })
      await d.receive(contactOf(0), 2)
      await other.receive(contactOf(0), 9, { carrierMessageId })
      const forget = () => d.store.forgetInbound({ before: 9, limit: 1 })
      assert.deepEqual([await forget(), await forget(), await forget()], [1, 1, 0])
      const repeated = async (one: Desk) => (await one.receive(contactOf(0), 10, { carrierMessageId }))[0]?.repeated
      assert.deepEqual([await repeated(d), await repeated(other)], [false, true])
    })

    test('forgets what is old behind what was written while the clock was ahead', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      for (const at of [900, 901, 902, 1, 2, 3, 70]) await d.receive(contactOf(0), at)
      for (let after: number | null = 0; after !== null; ) {
        after = await d.store.forgetOld({ kind: 'events', before: 50, at: 100, after, limit: 2 })
      }
      const left = await d.store.listEvents({ after: 0 as EventId, limit: 9 })
      assert.deepEqual(
        left.map(({ at }) => at),
        [900, 901, 902, 70],
      )
    })

    test('forgets no message while its call is under way', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials, lineId } = d
      const { message } = await store.sendMessage({
        credentials,
        number: contactOf(0),
        fromNumber: LINE,
        ...WORDS,
        at: 1,
      })
      const { id } = message
      const turn = { lineId, ready: true, obstacle: 'pace', servedFrom: 0, nextCallAt: 0, at: 2 } as const
      const { call } = await store.claimMessage(turn)
      const forget = () => store.forgetOld({ kind: 'messages', before: 50, at: 60, after: 0, limit: 9 })
      await forget()
      await store.settleMessage({ call: call as MessageCall, at: 3, status: 'SENT', carrierMessageId: 'theirs' })
      assert.equal((await store.getMessage({ credentials, id })).message.status, 'SENT')
      await forget()
      await assert.rejects(store.getMessage({ credentials, id }), code('not_found'))
    })

    test('takes a line away: its number is free, its receipts end, and nothing more is stored for it', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const [waiting, underWay] = [await d.request(contactOf(0), 1), await d.request(contactOf(1), 0)]
      const [claim] = (await d.claim(1, 1)).claims
      await d.store.removeLine({ id: d.lineId, at: 2 })
      while (await d.store.endRemoved({ limit: 1, at: 2 }));
      assert.deepEqual([(await d.receipt(waiting)).state, (await d.receipt(underWay)).state], ['skipped', 'sending'])
      await d.store.settleReceipts(done(claim as Claim, 3))
      assert.equal((await d.receipt(underWay)).state, 'sent')
      await assert.rejects(d.receive(contactOf(0), 4), code('not_found'))
      await assert.rejects(d.request(contactOf(0), 4), code('not_found'))
      assert.equal((await d.claim(4)).line, undefined)
      const { accountId, ...line } = { accountId: (await d.store.listAccounts())[0]?.id as never, number: LINE }
      await d.store.createLine({ ...line, accountId, connector: 'mute', settings: {}, at: 5 })
      await assert.rejects(d.request(contactOf(0), 6), code('invalid'))
    })

    test('takes a line away for one of those who ask together, and tells the others that there is none', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const removed = Array.from({ length: 5 }, () => d.store.removeLine({ id: d.lineId, at: 1 }))
      const refused = (await Promise.allSettled(removed)).filter(({ status }) => status === 'rejected')
      assert.deepEqual(
        refused.map((one) => (one as PromiseRejectedResult).reason.code),
        Array(4).fill('not_found'),
      )
    })
  })
}
