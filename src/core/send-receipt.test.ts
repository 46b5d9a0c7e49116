import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CarrierLine } from './connector.ts'
import type { Conversation } from './conversation.ts'
import type { ConversationId, LineId, MessageId, ReceiptId } from './id.ts'
import type { Address } from './phone-number.ts'
import { type Claim, obstacleOf, setBack, settle, trySending } from './send-receipt.ts'

const CONVERSATION: Conversation = {
  id: 1 as ConversationId,
  lineId: 2 as LineId,
  kind: 'direct',
  address: '+14155551234' as Address,
  service: 'iMessage',
  carrierConversation: null,
  lastMessageId: 9 as MessageId,
  readThrough: null,
}
const RECEIPT = { id: 3 as ReceiptId, state: 'sending', requests: 2, setbacks: 0, lastAttemptAt: null } as const
const CLAIM: Claim = {
  conversation: CONVERSATION,
  receipts: [RECEIPT],
  readUpTo: 9 as MessageId,
  carrierMessageIds: ['a', 'b'],
  messageIds: [9 as MessageId, 8 as MessageId],
  begun: false,
}
const AWAY = { kind: 'unavailable', reason: 'timeout' } as const

test('a declaration decides what can be sent, before any call', () => {
  const byConversation = { iMessage: 'conversation', RCS: 'conversation' } as const
  const byMessage = { RCS: 'message' } as const
  const rows = [
    ['iMessage', byConversation, null],
    ['SMS', byConversation, 'sms'],
    ['SMS', byMessage, 'sms'],
    ['iMessage', byMessage, 'service_not_supported'],
    [null, byConversation, null],
    [null, byMessage, 'no_conversation'],
  ] as const
  for (const [service, receipts, reason] of rows) {
    assert.equal(obstacleOf({ ...CONVERSATION, service }, receipts), reason)
  }
})

test('only what the carrier took moves how far it is read', () => {
  const sent = settle(CLAIM, { kind: 'done' }, 50, 1)
  assert.deepEqual([sent.state, sent.reason, sent.readThrough], ['sent', null, 9])
  const skipped = settle(CLAIM, { kind: 'not_supported', reason: 'sms' }, 50, 0)
  assert.deepEqual([skipped.state, skipped.reason, skipped.readThrough, skipped.attempts], ['skipped', 'sms', null, 0])
  const failed = settle(CLAIM, { kind: 'rejected', reason: 'wrong_password' }, 50, 1)
  assert.deepEqual([failed.state, failed.reason, failed.readThrough], ['failed', 'wrong_password', null])
})

test('a carrier that is away uses up nobody’s tries', () => {
  const lane = { lastDoneAt: 10, nextAttemptAt: 99 }
  const claim = { ...CLAIM, receipts: [{ ...RECEIPT, setbacks: 4, lastAttemptAt: 20 }] } as const
  const written = setBack(claim, AWAY, lane, 50)
  assert.deepEqual(written.state === 'sending' && [written.setbacks, written.nextAttemptAt], [4, 99])
})

test('a conversation that fails five times while others get through is given up', () => {
  const lane = { lastDoneAt: 30, nextAttemptAt: 99 }
  const fourth = setBack({ ...CLAIM, receipts: [{ ...RECEIPT, setbacks: 3, lastAttemptAt: 20 }] }, AWAY, lane, 50)
  assert.deepEqual(fourth.state === 'sending' && fourth.setbacks, 4)
  const patience = { ...AWAY, reason: 'rate_limited' } as const
  const asked = setBack({ ...CLAIM, receipts: [{ ...RECEIPT, setbacks: 4, lastAttemptAt: 20 }] }, patience, lane, 50)
  assert.equal(asked.state, 'sending')
  const fifth = setBack({ ...CLAIM, receipts: [{ ...RECEIPT, setbacks: 4, lastAttemptAt: 20 }] }, AWAY, lane, 50)
  assert.deepEqual([fifth.state, fifth.reason], ['failed', 'timeout'])
})

test('a conversation of which the carrier took some messages is not what fails, and the store hears which', () => {
  const claim = { ...CLAIM, receipts: [{ ...RECEIPT, setbacks: 4, lastAttemptAt: 20 }] } as const
  const written = setBack(claim, { ...AWAY, marked: ['b'] }, { lastDoneAt: 30, nextAttemptAt: 99 }, 50)
  assert.deepEqual(written.state === 'sending' && [written.setbacks, written.marked], [4, [8]])
})

test('a connector that throws in spite of its port counts as a carrier that failed', async () => {
  const broken = {
    async sendReceipt() {
      throw new Error('broken')
    },
  } as unknown as CarrierLine
  assert.deepEqual(await trySending(broken, CLAIM), {
    kind: 'unavailable',
    reason: 'carrier_error',
    detail: 'broken',
  })
})
