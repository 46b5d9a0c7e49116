import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LineId } from '../core/id.ts'
import type { ClaimedMessage, MessageOutbox } from '../core/sending.ts'
import { MessageLane } from './message-lane.ts'

test('a lane whose line is gone ends with its last look, not with one that another follows', async () => {
  const happened: string[] = []
  const ended = Promise.withResolvers<void>()
  const gone: ClaimedMessage = { line: undefined, call: null, nextDueAt: null, nextExpiryAt: null }
  const store = {
    async claimMessage() {
      await Promise.resolve()
      happened.push('look')
      // While the store looks there is news.
      if (happened.length === 1) lane.nudge()
      return gone
    },
  } as Partial<MessageOutbox> as MessageOutbox
  const log = { info() {}, warn() {}, error() {} }
  const onEnd = () => {
    happened.push('end')
    ended.resolve()
  }
  const lane = new MessageLane({
    nextCallAt: 0,
    lineId: 1 as LineId,
    store,
    connectors: {},
    log,
    now: Date.now,
    onSent() {},
    onEnd,
  })
  lane.nudge()
  await ended.promise
  await lane.drain({ ending: true })
  assert.deepEqual(happened, ['look', 'look', 'end'])
})
