import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Service } from '../core/conversation.ts'
import { contactOf, type Desk, desk, done, type Place } from './desk.contract.ts'

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
  })
}

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
