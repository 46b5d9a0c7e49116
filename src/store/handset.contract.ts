import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { HandsetDraft } from '../core/handset.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import { contactOf, type Desk, desk, deskAt, type Place } from './desk.contract.ts'

const HELLO = { content: 'Hello', mediaUrl: null, sendStyle: null, service: 'iMessage' } as const

/** What the simulated phone keeps to on every engine. */
export function describeHandset(engine: string, place: () => Promise<Place>): void {
  describe(`the simulated phone in the store on ${engine}`, () => {
    test('shows what many write together where they wrote it, each once, and its parts in their order', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const [ada, bob] = [contactOf(0), contactOf(1)]
      const [quoted, url] = ['"{a, NULL}" \\ \u{1f44b}', 'https://example.com/a.png']
      const of = (contact: Address, carrierMessageId: string, parts: HandsetDraft['parts']): HandsetDraft => {
        const where = { lineId: d.lineId, contact, kind: 'direct', conversationAddress: contact } as const
        return { ...where, carrierMessageId, service: 'iMessage', parts, writtenAt: 5 }
      }
      const text = (content: string) => ({ content, mediaUrl: null })
      const pieces = [text(quoted), { content: null, mediaUrl: url }, text('c')] as const
      await Promise.all([
        d.store.writeOnPhone(of(ada, '1', pieces)),
        d.store.writeOnPhone(of(bob, '2', [text('to bob')])),
        d.store.writeOnPhone(of(ada, '1', [...pieces, text('more')])),
        d.store.writeOnPhone(of(ada, '3', [text('d')])),
      ])
      await d.store.writeOnPhone(of(ada, '3', [text('d'), text('more')]))
      const shown = async (contact: Address) =>
        (await d.store.showPhone({ lineId: d.lineId, contact })).map(({ part, content, mediaUrl }) => [
          part,
          content,
          mediaUrl,
        ])
      assert.deepEqual(await shown(ada), [
        [0, quoted, null],
        [1, null, url],
        [2, 'c', null],
        [0, 'd', null],
      ])
      assert.deepEqual(await shown(bob), [[0, 'to bob', null]])
    })

    test('shows when a message was delivered, though what recognised it on other lines is forgotten', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const other = await deskAt(d.store, '+19175550100' as PhoneNumber)
      const [contact, carrierMessageId] = [contactOf(0), 'the same']
      const where = { lineId: d.lineId, contact, kind: 'direct', conversationAddress: contact } as const
      const parts: HandsetDraft['parts'] = [{ content: 'Hello', mediaUrl: null }]
      await d.store.writeOnPhone({ ...where, carrierMessageId, service: 'iMessage', parts, writtenAt: 1 })
      for (const line of [d, other]) await line.receive(contact, 1, { carrierMessageId })
      await d.receive(contact, 1, { carrierMessageId: 'on no phone' })
      assert.equal(await d.store.forgetInbound({ before: 2, limit: 9 }), 2)
      const shown = await d.store.showPhone({ lineId: d.lineId, contact })
      assert.deepEqual(
        shown.map(({ deliveredAt }) => deliveredAt),
        [1],
      )
      const repeated = async (line: Desk) => (await line.receive(contact, 3, { carrierMessageId }))[0]?.repeated
      assert.deepEqual([await repeated(d), await repeated(other)], [true, false])
    })

    test('shows as read once what the line has, of the one conversation, and no SMS', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, lineId } = d
      const contact = contactOf(0)
      const write = async (carrierMessageId: string, change: Partial<HandsetDraft> = {}) => {
        const written = {
          contact,
          kind: 'direct',
          conversationAddress: contact,
          service: 'iMessage',
          ...change,
        } as const
        const parts: HandsetDraft['parts'] = [{ content: carrierMessageId, mediaUrl: null }]
        await store.writeOnPhone({ ...written, lineId, carrierMessageId, parts, writtenAt: 1 })
        if (carrierMessageId !== 'on its way') await d.receive(contact, 1, { ...written, carrierMessageId })
      }
      const read = (at: number) => store.showRead({ lineId, kind: 'direct', address: contact, at })
      await write('first')
      await read(2)
      await write('second')
      await write('SMS', { service: 'SMS' })
      await write('in a group of that name', { kind: 'group' })
      await write('on its way')
      await read(3)
      const shown = await store.showPhone({ lineId, contact })
      assert.deepEqual(
        shown.map(({ content, readAt }) => [content, readAt]),
        [
          ['first', 2],
          ['second', 3],
          ['SMS', null],
          ['in a group of that name', null],
          ['on its way', null],
        ],
      )
    })

    test('is where its contact reads once what the line wrote, and nobody else does', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, lineId } = d
      const [ada, bob] = [contactOf(0), contactOf(1)]
      const reach = (contact: Address, carrierMessageId: string) =>
        store.reachPhone({ lineId, contact, carrierMessageId, at: 1, ...HELLO })
      const own = { contact: ada, kind: 'direct', conversationAddress: ada, carrierMessageId: 'own' } as const
      await store.writeOnPhone({ ...own, lineId, service: 'iMessage', parts: [HELLO], writtenAt: 1 })
      await reach(ada, 'first')
      await reach(bob, 'to bob')
      await store.contactReads({ lineId, contact: ada, at: 2 })
      await reach(ada, 'second')
      await store.contactReads({ lineId, contact: ada, at: 3 })
      const readOf = async (contact: Address) =>
        (await store.showPhone({ lineId, contact })).map(({ readAt }) => readAt)
      assert.deepEqual([await readOf(ada), await readOf(bob)], [[null, 2, 3], [null]])
    })

    test('shows what a contact wrote for as long as it is there, whatever time they say it is', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, lineId } = d
      const contact = contactOf(0)
      const write = async (carrierMessageId: string, writtenAt: number, at: number) => {
        const where = { lineId, contact, kind: 'direct', conversationAddress: contact, service: 'iMessage' } as const
        const parts = [{ content: carrierMessageId, mediaUrl: null }] as const
        await store.writeOnPhone({ ...where, carrierMessageId, parts, writtenAt })
        await d.receive(contact, at, { carrierMessageId, sentAt: writtenAt })
      }
      await write('old by our clock', 99, 10)
      await write('old by theirs', 1, 60)
      await write('of today', 61, 61)
      await store.reachPhone({ lineId, contact, carrierMessageId: 'our answer', ...HELLO, at: 62 })
      await store.forgetOld({ kind: 'phone', before: 50, at: 100, after: 0, limit: 9 })
      const shown = (await store.showPhone({ lineId, contact })).map(({ content }) => content)
      assert.deepEqual(shown, ['old by theirs', 'of today', 'Hello'])
    })

    test('answers the knobs as they are kept', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const tuned = await d.store.turnKnobs({
        lineId: d.lineId,
        knobs: { pacePerS: 99_999.123456789, failureRate: 0.1 },
      })
      assert.deepEqual(tuned, await d.store.simulatedCarrier(d.lineId))
      assert.equal(tuned.failureRate, 0.1)
    })
  })
}
