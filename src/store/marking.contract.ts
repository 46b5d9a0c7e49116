import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Service } from '../core/conversation.ts'
import type { Address } from '../core/phone-number.ts'
import { setBack } from '../core/send-receipt.ts'
import { away, contactOf, type Desk, desk, done, type Place } from './desk.contract.ts'

/** Which messages a carrier is told of, on every engine. */
export function describeMarking(engine: string, place: () => Promise<Place>): void {
  describe(`marking messages on ${engine}`, () => {
    test('is by the newest alone where a connector marks conversations, and by the same again', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      assert.deepEqual(await mark(d, 'iMessage', 3), ['message 3'])
      assert.deepEqual(await mark(d, 'iMessage', 0), ['message 3'])
      assert.deepEqual(await mark(d, 'iMessage', 1), ['message 4'])
    })

    test('is by each that is unread where a connector marks messages, newest first, and by the newest again', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      assert.deepEqual(await mark(d, 'RCS', 3), ['message 3', 'message 2', 'message 1'])
      assert.deepEqual(await mark(d, 'RCS', 0), ['message 3'])
      assert.deepEqual(await mark(d, 'RCS', 2), ['message 5', 'message 4'])
    })

    test('goes on where a try before came to, also where more was written since', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const wait = { lastDoneAt: 0, nextAttemptAt: 0 }
      const claim = async (written: number) => {
        for (let count = 0; count < written; count++) await d.receive(contactOf(1), 0, { service: 'RCS' })
        await d.request(contactOf(1), 0)
        const [claim] = (await d.claim(0)).claims
        assert.ok(claim)
        const { carrierMessageIds: ids, begun } = claim
        return {
          ids,
          begun,
          took: (marked: string[]) => d.store.settleReceipts(setBack(claim, { ...SLOW, marked }, wait, 0)),
        }
      }
      const first = await claim(4)
      await first.took(['message 4', 'message 2'])
      const { took, ...second } = await claim(0)
      assert.deepEqual(second, { ids: ['message 3', 'message 1'], begun: true })
      await took(['message 3'])
      const { ids, begun } = await claim(1)
      assert.deepEqual({ ids, begun }, { ids: ['message 5', 'message 1'], begun: false })
    })

    test('is in the conversation of what was asked for, where its contact has written by another service since', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const [since, late] = [contactOf(1), contactOf(2)]
      const sms = { service: 'SMS', carrierConversation: 'SMS chat' } as const
      const claimed = async (at: number) => {
        const { claims } = await d.claim(at)
        for (const claim of claims) await d.store.settleReceipts(done(claim, at))
        const read = claims.map(({ conversation, carrierMessageIds: [id] }) => {
          return [id, conversation.service, conversation.carrierConversation]
        })
        return read.sort()
      }
      await d.receive(since, 10)
      const first = await d.request(since, 11)
      await d.receive(since, 12, sms)
      await d.receive(late, 10, sms)
      await d.receive(late, 13, { sentAt: 9 })
      await d.request(late, 13)
      assert.deepEqual(await claimed(14), [
        ['message 1', 'iMessage', null],
        ['message 4', 'iMessage', null],
      ])
      assert.equal((await d.receipt(first)).service, 'iMessage')
      await d.request(since, 15)
      assert.deepEqual(await claimed(16), [['message 2', 'SMS', 'SMS chat']])
      const asked = await d.request(since, 17)
      await d.receive(since, 18)
      assert.deepEqual(await claimed(19), [['message 2', 'SMS', null]])
      assert.equal((await d.receipt(asked)).service, 'SMS')
    })

    test('is not of what came since, whose pause is not over', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      await store.setAutoMarkRead({ credentials, autoMarkRead: true })
      await store.setAutoTiming({ credentials, timing: { mode: 'after', delayMs: 500, jitterMs: 0 } })
      await d.receive(contactOf(1), 0)
      await d.request(contactOf(1), 1)
      for (const claim of (await d.claim(1)).claims) await store.settleReceipts(away(claim, 3))
      await d.receive(contactOf(1), 5)
      const marked = []
      for (const at of [13, 504, 505]) {
        const { claims } = await d.claim(at)
        for (const claim of claims) await store.settleReceipts(done(claim, at))
        marked.push(claims.map(({ carrierMessageIds: [id] }) => id))
      }
      assert.deepEqual(marked, [['message 1'], [], ['message 2']])
    })

    test('is up to what came before an SMS, where a call after that joined the receipt that waited', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const sms = { service: 'SMS', carrierConversation: 'SMS chat' } as const
      const joined = async (contact: Address, service: Service) => {
        for (const at of [10, 11]) await d.receive(contact, at, { service })
        await d.request(contact, 12)
        for (const at of [13, 14]) await d.receive(contact, at, sms)
        return d.request(contact, 15)
      }
      const receipts = [await joined(contactOf(1), 'iMessage'), await joined(contactOf(2), 'RCS')]
      const claimed = async (at: number) => {
        const { claims } = await d.claim(at)
        for (const claim of claims) await d.store.settleReceipts(done(claim, at))
        return claims.map(({ carrierMessageIds, conversation: { service } }) => [service, ...carrierMessageIds]).sort()
      }
      assert.deepEqual(await claimed(16), [
        ['RCS', 'message 6', 'message 5'],
        ['iMessage', 'message 2'],
      ])
      const [first, second] = await Promise.all(receipts.map((id) => d.receipt(id)))
      assert.deepEqual([first?.state, first?.service, second?.service], ['sent', 'iMessage', 'RCS'])
      // What is left is an SMS.
      for (const contact of [contactOf(1), contactOf(2)]) await d.request(contact, 17)
      assert.deepEqual(await claimed(18), [
        ['SMS', 'message 4'],
        ['SMS', 'message 8'],
      ])
    })
  })
}

const SLOW = { kind: 'unavailable', reason: 'timeout' } as const

/** What one call marks once a contact has written so many more. */
async function mark(d: Desk, service: Service, written: number): Promise<readonly string[]> {
  const contact = contactOf(1)
  for (let count = 0; count < written; count++) await d.receive(contact, 0, { service })
  await d.request(contact, 0)
  const { claims } = await d.claim(0)
  const [claim] = claims
  assert.ok(claim !== undefined && claims.length === 1)
  await d.store.settleReceipts(done(claim, 0))
  return claim.carrierMessageIds
}
