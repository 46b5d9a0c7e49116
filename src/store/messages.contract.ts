import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Service } from '../core/conversation.ts'
import type { EventId, MessageId } from '../core/id.ts'
import type { MessageFilter, MessagePage } from '../core/message.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import { type MessageCall, type MessageNews, type MessageSettlement, setMessageBack } from '../core/sending.ts'
import { contactOf, type Desk, desk, deskAt, LINE, type Place, WORDS } from './desk.contract.ts'

const OTHER_LINE = '+19175550100' as PhoneNumber
const ALL: MessageFilter = { created: {}, updated: {}, sent: {} }
const FIRST: MessagePage = { orderBy: 'createdAt', direction: 'desc', limit: 10, offset: 0 }

/** What every engine keeps to. */
export function describeMessages(engine: string, place: () => Promise<Place>): void {
  describe(`messages in the store on ${engine}`, () => {
    const list = async (
      { store, credentials }: Desk,
      filter: Partial<MessageFilter>,
      page: Partial<MessagePage> = {},
    ) => {
      const call = { credentials, filter: { ...ALL, ...filter }, page: { ...FIRST, ...page } }
      const { messages, total } = await store.listMessages(call)
      return [messages.map(({ sentAt }) => sentAt), total]
    }

    test('take no word that came of another handle, nor of theirs while another call was under way, which failed', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials, lineId } = d
      const write = () => store.sendMessage({ credentials, fromNumber: LINE, number: contactOf(0), ...WORDS, at: 1 })
      const settle = async (heard: string | null, end: (call: MessageCall) => MessageSettlement) => {
        const { call } = await d.claimMessage(1)
        assert.ok(call)
        const news = heard === null ? [] : [{ of: { carrierMessageId: heard }, status: 'DELIVERED', at: 1 } as const]
        await store.noteNews({ lineId, news, at: 1 })
        await store.settleMessage(end(call))
      }
      await d.receive(contactOf(0), 0)
      await write()
      await settle('X', (call) => ({ call, at: 1, status: 'QUEUED', reason: 'timeout', nextAttemptAt: 1 }))
      await settle(null, (call) => ({ call, at: 1, status: 'SENT', carrierMessageId: 'X' }))
      await write()
      await settle('Y', (call) => ({ call, at: 1, status: 'ERROR', reason: 'rejected' }))
      await write()
      await settle(null, (call) => ({ call, at: 1, status: 'SENT', carrierMessageId: 'Y' }))
      await write()
      await settle('Z', (call) => ({ call, at: 1, status: 'SENT', carrierMessageId: 'of another handle' }))
      const { messages } = await store.listMessages({ credentials, filter: { ...ALL, outbound: true }, page: FIRST })
      assert.deepEqual(
        messages.map(({ status }) => status),
        ['SENT', 'SENT', 'ERROR', 'SENT'],
      )
    })

    test('count as tries those that their carrier had, and none while it was away', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      await store.sendMessage({ credentials, fromNumber: LINE, number: contactOf(0), ...WORDS, at: 1 })
      const had = { kind: 'unavailable', reason: 'carrier_error', tried: true } as const
      const gone = { kind: 'unavailable', reason: 'unreachable' } as const
      const attempts: unknown[] = []
      for (const outcome of [gone, gone, had, gone, had, gone]) {
        const { call } = await d.claimMessage(1)
        attempts.push(call?.attempts)
        await store.settleMessage(setMessageBack(call as MessageCall, outcome, 1, 1))
      }
      assert.deepEqual(attempts, [0, 0, 0, 1, 1, 2])
    })

    test('are led on by news and never back, and read where they were sent before their contact looked', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials, lineId } = d
      for (const at of [10, 20]) {
        await store.sendMessage({ credentials, fromNumber: LINE, number: contactOf(0), ...WORDS, at })
        const { call } = await d.claimMessage(at)
        await store.settleMessage({ call: call as MessageCall, at, status: 'SENT', carrierMessageId: `of ${at}` })
      }
      const statuses = async () => {
        const { messages } = await store.listMessages({ credentials, filter: ALL, page: FIRST })
        return messages.map(({ status }) => status)
      }
      await store.noteNews({ lineId, news: [{ of: { contact: contactOf(0) }, status: 'READ', at: 15 }], at: 30 })
      assert.deepEqual(await statuses(), ['SENT', 'READ'])
      for (const status of ['DELIVERED', 'ERROR'] as const) {
        const news = [10, 20].map((at) => ({ of: { carrierMessageId: `of ${at}` }, status, at: 31 }))
        await store.noteNews({ lineId, news, at: 31 })
        assert.deepEqual(await statuses(), ['DELIVERED', 'READ'])
      }
    })

    test('are led on by what their own line’s carrier tells, also before its answer, and by nothing before their call', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store } = d
      const other = await deskAt(store, OTHER_LINE)
      await store.leases?.hold({ wanted: [d.lineId, other.lineId] })
      const write = async ({ credentials, claimMessage }: Desk, fromNumber: PhoneNumber) => {
        await store.sendMessage({ credentials, fromNumber, number: contactOf(0), ...WORDS, at: 10 })
        const { call } = await claimMessage(10)
        return (carrierMessageId: string) =>
          store.settleMessage({ call: call as MessageCall, at: 10, status: 'SENT', carrierMessageId })
      }
      const hear = (carrierMessageId: string, status: MessageNews['status'] = 'DELIVERED') =>
        store.noteNews({ lineId: d.lineId, news: [{ of: { carrierMessageId }, status, at: 15 }], at: 30 })
      const shown = async ({ credentials }: Desk) => {
        const { messages } = await store.listMessages({ credentials, filter: ALL, page: FIRST })
        return messages.map(({ status, reason, readAt }) => [status, reason, readAt])
      }
      const theirs = await write(other, OTHER_LINE)
      await hear('first')
      const own = await write(d, LINE)
      await hear('second')
      await theirs('first')
      await own('first')
      const second = await write(d, LINE)
      await hear('second')
      await (await write(other, OTHER_LINE))('second')
      await second('second')
      const told = ['SENT', null, null]
      assert.deepEqual(
        [await shown(d), await shown(other)],
        [
          [['DELIVERED', null, null], told],
          [told, told],
        ],
      )
      await hear('first', 'ERROR')
      await hear('second', 'READ')
      assert.deepEqual(await shown(d), [
        ['READ', null, 15],
        ['ERROR', 'rejected', null],
      ])
      assert.deepEqual(await shown(other), [told, told])
      await (await write(d, LINE))('third')
      await store.noteNews({
        lineId: d.lineId,
        news: [{ of: { contact: contactOf(0) }, status: 'READ', at: 10 }],
        at: 30,
      })
      assert.deepEqual((await shown(d))[0], ['READ', null, 10])
    })

    test('are found by every filter, in every order, and counted', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const group = 'a group' as Address
      await d.receive(contactOf(0), 30)
      await d.receive(contactOf(1), 10, { service: 'SMS' })
      await d.receive(contactOf(0), 20, { kind: 'group', conversationAddress: group })
      const here = LINE as string as Address
      const nowhere = '+19175550199' as PhoneNumber
      const rows: readonly [Partial<MessageFilter>, readonly number[]][] = [
        [{}, [20, 10, 30]],
        [{ number: contactOf(0) }, [20, 30]],
        [{ number: here }, [20, 10, 30]],
        [{ fromNumber: contactOf(1) }, [10]],
        [{ fromNumber: here }, []],
        [{ toNumber: here }, [20, 10, 30]],
        [{ toNumber: contactOf(1) }, []],
        [{ lineNumber: nowhere }, []],
        [{ lineNumber: LINE, lineId: d.lineId }, [20, 10, 30]],
        [{ accountEmail: 'ADA@example.com' }, [20, 10, 30]],
        [{ accountEmail: 'bob@example.com' }, []],
        [{ outbound: true }, []],
        [{ kind: 'direct' }, [10, 30]],
        [{ kind: 'group', group }, [20]],
        [{ service: 'SMS' }, [10]],
        [{ status: 'RECEIVED' }, [20, 10, 30]],
        [{ status: 'DECLINED' }, []],
        [{ sent: { from: 10, to: 20 } }, [20, 10]],
        [{ created: { from: 20 }, updated: { to: 25 } }, [20]],
      ]
      for (const [filter, found] of rows) {
        assert.deepEqual(await list(d, filter), [found, found.length], JSON.stringify(filter))
      }
      assert.deepEqual(await list(d, {}, { orderBy: 'sentAt', direction: 'asc' }), [[10, 20, 30], 3])
      assert.deepEqual(await list(d, {}, { orderBy: 'updatedAt', limit: 1, offset: 1 }), [[20], 3])
    })

    test('leave the service that their contact used last as it is where they come late', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const write = (contact: Address, sentAt: number, service: Service, at = 10) =>
        d.receive(contact, at, { sentAt, service, carrierConversation: `${service} chat` })
      const [late, together, ahead] = [contactOf(0), contactOf(1), contactOf(2)]
      await write(late, 2, 'iMessage')
      await write(late, 1, 'SMS')
      await Promise.all([write(together, 2, 'iMessage'), write(together, 1, 'SMS')])
      // A clock that is ahead by years says nothing about the next minute.
      await write(ahead, 1_000_000_000_000, 'SMS')
      await write(ahead, 11, 'iMessage', 11)
      for (const contact of [late, together, ahead]) {
        assert.equal(await d.store.findService({ credentials: d.credentials, number: contact }), 'iMessage')
        await d.request(contact, 20)
      }
      const { claims } = await d.claim(20)
      assert.deepEqual(
        claims.map(({ conversation: { service, carrierConversation } }) => [service, carrierConversation]),
        Array(3).fill(['iMessage', 'iMessage chat']),
      )
      await write(late, 30, 'SMS', 30)
      assert.equal(await d.store.findService({ credentials: d.credentials, number: late }), 'SMS')
    })

    test('are in the one conversation of their group, also since its carrier calls it otherwise', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const group = (...names: string[]) => {
        const [conversationAddress, ...formerAddresses] = names as [Address, ...Address[]]
        return d.receive(contactOf(0), 1, { kind: 'group', conversationAddress, formerAddresses })
      }
      await group('old;+;1')
      await group('any;+;1', 'other;+;1', 'old;+;1')
      await group('any;+;2', 'other;+;2', 'old;+;2')
      await group('any;+;2', 'other;+;2', 'old;+;2')
      const { credentials } = d
      const { conversations } = await d.store.listConversations({ credentials, filter: { limit: 9 } })
      assert.deepEqual(conversations.map(({ number }) => number).sort(), ['any;+;2', 'old;+;1'])
      const events = await d.store.listEvents({ after: 0 as EventId, limit: 9 })
      const told = events.map(({ event }) => 'message' in event && event.message.conversationAddress)
      assert.deepEqual(told, ['old;+;1', 'old;+;1', 'any;+;2', 'any;+;2'])
    })

    test('are their account’s alone', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const [first] = await d.receive(contactOf(0), 1)
      const id = first?.messageIds[0] as MessageId
      const { store } = d
      const stranger = await store.createAccount({
        email: 'b@example.com',
        plan: 'x',
        readReceiptsEnabled: true,
        at: 0,
      })
      const { credentials } = stranger
      assert.equal((await store.getMessage({ credentials: d.credentials, id })).message.id, id)
      await assert.rejects(store.getMessage({ credentials, id }), { code: 'not_found' })
      const filter = { ...ALL, lineId: d.lineId, number: contactOf(0) }
      assert.equal((await store.listMessages({ credentials, filter, page: FIRST })).total, 0)
      assert.equal(await store.findService({ credentials, number: contactOf(0) }), null)
      assert.equal(await store.findService({ credentials: d.credentials, number: contactOf(0) }), 'iMessage')
    })
  })
}
