import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { MessageId } from '../core/id.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import type { MessageCall } from '../core/sending.ts'
import { contactOf, type Desk, desk, deskAt, LIFETIME_MS, LINE, type Place, WORDS } from './desk.contract.ts'

const OTHER_LINE = '+19175550100' as PhoneNumber

/** How what a line writes waits and ends, on every engine. */
export function describeMessageLanes(engine: string, place: () => Promise<Place>): void {
  const write = async ({ store, credentials }: Desk, at: number) => {
    const call = { credentials, fromNumber: LINE, number: contactOf(0), ...WORDS, at }
    return (await store.sendMessage(call)).message.id
  }
  const claim = ({ store, lineId }: Desk, at: number, ready = true) =>
    store.claimMessage({ lineId, ready, obstacle: 'pace', servedFrom: 0, nextCallAt: at, at })
  const setBack = async (d: Desk, at: number) => {
    const { call } = await claim(d, at)
    const back = { status: 'QUEUED', reason: 'timeout', nextAttemptAt: at + 1 } as const
    await d.store.settleMessage({ call: call as MessageCall, at, ...back })
  }
  const shown = async ({ store, credentials }: Desk, id: MessageId) => {
    const { status, reason, sentAt } = (await store.getMessage({ credentials, id })).message
    return [status, reason, sentAt]
  }

  describe(`what a line writes, on ${engine},`, () => {
    test('says when its carrier took it, and of what stood in its way until then no more', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const id = await write(d, 1)
      await setBack(d, 2)
      assert.deepEqual(await shown(d, id), ['QUEUED', 'timeout', 1])
      const { call } = await claim(d, 3)
      await d.store.settleMessage({ call: call as MessageCall, at: 4, status: 'SENT', carrierMessageId: 'theirs' })
      assert.deepEqual(await shown(d, id), ['SENT', null, 4])
    })

    test('ends when it is too late with what stood in its own way, else in its line’s', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const tried = await write(d, 1)
      await setBack(d, 2)
      const untried = await write(d, 2)
      assert.equal((await claim(d, LIFETIME_MS, false)).nextExpiryAt, 1 + LIFETIME_MS)
      await claim(d, 2 + LIFETIME_MS, false)
      assert.deepEqual(
        [await shown(d, tried), await shown(d, untried)],
        [
          ['ERROR', 'timeout', 1],
          ['ERROR', 'pace', 2],
        ],
      )
    })

    test('is given back by its own lane alone, where that never heard of its claim', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store } = d
      const other = await deskAt(store, OTHER_LINE)
      await store.leases?.hold({ wanted: [d.lineId, other.lineId] })
      const lost = await write(d, 1)
      const carried = { ...WORDS, credentials: other.credentials, fromNumber: OTHER_LINE, number: contactOf(0), at: 1 }
      await store.sendMessage(carried)
      for (const one of [d, other]) assert.ok((await claim(one, 2)).call)
      await store.releaseLostMessage({ lineId: d.lineId, at: 3 })
      assert.equal((await claim(other, 3)).call, null)
      assert.equal((await claim(d, 3)).call?.id, lost)
    })
  })
}
