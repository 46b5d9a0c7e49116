import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ConversationFilter, ConversationPlace } from '../core/console.ts'
import type { MessageId } from '../core/id.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import { contactOf, type Desk, desk, deskAt, done, LIFETIME_MS, LINE, type Place, WORDS } from './desk.contract.ts'

const OTHER_LINE = '+19175550100' as PhoneNumber

/** What every engine lists of an account's conversations. */
export function describeConversations(engine: string, place: () => Promise<Place>): void {
  const list = ({ store, credentials }: Desk, filter: Partial<ConversationFilter> = {}) =>
    store.listConversations({ credentials, filter: { limit: 9, ...filter } })
  const numbers = async (d: Desk, filter: Partial<ConversationFilter>) =>
    (await list(d, filter)).conversations.map(({ number }) => number)

  describe(`conversations on ${engine}`, () => {
    test('come each once by pages, also those in which somebody wrote at the same moment', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      for (const n of [0, 1, 2, 3, 4]) await d.receive(contactOf(n), 1)
      const found = []
      for (let before: ConversationPlace | undefined; ; ) {
        const { conversations, next } = await list(d, { limit: 2, ...(before && { before }) })
        found.push(...conversations.map(({ number }) => number))
        if (next === null) break
        before = next
      }
      assert.deepEqual(found, [4, 3, 2, 1, 0].map(contactOf))
    })

    test('are found newest first, and those of others take nobody’s place', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      // As many as a search finds.
      await Promise.all(Array.from({ length: 200 }, (_, n) => d.receive(contactOf(n), 1)))
      const own = await deskAt(d.store, OTHER_LINE)
      for (const [at, n] of [0, 2, 1].entries()) await own.receive(contactOf(n), at)
      assert.deepEqual(await numbers(own, { search: ['+1415555'] }), [1, 2, 0].map(contactOf))
    })

    test('come first when the line has written in them, which is with a contact, whatever a group is called', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      await d.receive(contactOf(0), 1, { kind: 'group', conversationAddress: contactOf(0) })
      const write = (at: number) =>
        store.sendMessage({ credentials, fromNumber: LINE, number: contactOf(0), ...WORDS, at })
      const shown = async () => (await list(d)).conversations.map(({ number, kind }) => [number, kind])
      await write(2)
      await d.receive(contactOf(1), 3)
      const [group, own, other] = [
        [contactOf(0), 'group'],
        [contactOf(0), 'direct'],
        [contactOf(1), 'direct'],
      ]
      assert.deepEqual(await shown(), [other, own, group])
      await write(4)
      assert.deepEqual(await shown(), [own, other, group])
    })

    test('say by which service a contact last wrote, on whichever line, and whatever lines wrote since', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      const { accountId } = await store.getOwnLine({ credentials, number: LINE })
      const [before, since] = ['+14155550101', '+14155550102'] as [PhoneNumber, PhoneNumber]
      for (const number of [before, since])
        await store.createLine({ accountId, number, connector: 'simulator', settings: {}, at: 0 })
      const { id } = await store.getOwnLine({ credentials, number: before })
      const service = () => store.findService({ credentials, number: contactOf(0) })
      await d.receive(contactOf(0), 1, { service: 'RCS' })
      await d.receive(contactOf(0), 2, {}, id)
      assert.equal(await service(), 'iMessage')
      await d.receive(contactOf(0), 3, { service: 'RCS' })
      await store.sendMessage({ credentials, fromNumber: since, number: contactOf(0), ...WORDS, at: 4 })
      assert.equal(await service(), 'RCS')
    })

    test('are looked for through all that there are, however few are what one looks for', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      await d.receive(contactOf(0), 1, { service: 'SMS' })
      // More than a page looks at.
      await Promise.all(Array.from({ length: 2_000 }, (_, n) => d.receive(contactOf(1 + n), 2)))
      const { conversations, next: before } = await list(d, { service: 'SMS' })
      assert.deepEqual(conversations, [])
      assert.ok(before)
      assert.deepEqual(await numbers(d, { service: 'SMS', before }), [contactOf(0)])
    })

    test('are among the failed where their newest receipt came too late, and not while another waits', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const late = 1 + LIFETIME_MS
      for (const n of [0, 1]) await d.request(contactOf(n), 1)
      await d.claim(late)
      assert.deepEqual(await numbers(d, { state: 'failed' }), [1, 0].map(contactOf))
      await d.request(contactOf(0), late)
      assert.deepEqual(await numbers(d, { state: 'failed' }), [contactOf(1)])
      assert.deepEqual(await numbers(d, { state: 'waiting' }), [contactOf(0)])
      assert.deepEqual(
        (await list(d)).conversations.map(({ receipt }) => receipt?.state),
        ['expired', 'queued'],
      )
    })

    test('show of a contact’s phone what is theirs, whatever a group is called', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials, lineId } = d
      for (const kind of ['direct', 'group'] as const) {
        const written = {
          carrierMessageId: kind,
          contact: contactOf(0),
          conversationAddress: contactOf(0),
          kind,
        } as const
        const parts = [{ content: kind, mediaUrl: null }] as const
        await store.writeOnPhone({ ...written, lineId, service: 'iMessage', parts, writtenAt: 1 })
        await d.receive(contactOf(0), 1, { ...written, parts })
      }
      for (const { id, kind } of (await list(d)).conversations) {
        const shown = await store.showConversation({ credentials, id })
        assert.deepEqual(
          shown.map(({ content }) => content),
          [kind],
        )
      }
    })

    test('have each receipt on the page of the message that it is about, and on the oldest those of none', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      const asked = []
      for (const at of [1, 2, 3]) {
        asked.push(await d.request(contactOf(0), at))
        for (const claim of (await d.claim(at)).claims) await store.settleReceipts(done(claim, at))
        await d.receive(contactOf(0), at)
      }
      const [{ id } = assert.fail()] = (await list(d)).conversations
      const shown = async (before?: MessageId) => {
        const view = await store.getConversation({ credentials, id, limit: 2, ...(before && { before }) })
        return { ids: view.receipts.map((receipt) => receipt.id), first: view.messages[0]?.id }
      }
      const { ids, first } = await shown()
      assert.deepEqual([(await shown(first)).ids, ids], [asked.slice(0, 2), asked.slice(2)])
    })
  })
}
