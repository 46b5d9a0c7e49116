import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeptMessage } from '../core/message.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import { KEPT_MESSAGE, keptMessageToWire, messageToWire } from './message-body.ts'

const SENT: KeptMessage = {
  id: 71 as KeptMessage['id'],
  accountId: 1 as KeptMessage['accountId'],
  lineId: 1 as KeptMessage['lineId'],
  lineNumber: '+19175551234' as PhoneNumber,
  outbound: true,
  contact: '+14155551234' as Address,
  kind: 'direct',
  conversationAddress: '+14155551234' as Address,
  service: 'iMessage',
  content: 'Hello',
  mediaUrl: null,
  sendStyle: 'confetti',
  status: 'READ',
  reason: null,
  sentAt: 1_000,
  readAt: 2_000,
  createdAt: 1_000,
  updatedAt: 2_000,
  autoReason: null,
}
const OWNER = { email: 'ada@example.com', plan: 'free_api' }

test('what a line sent goes from the line to the contact, was read when the contact read it, and fired nothing', () => {
  const wire = keptMessageToWire(SENT, OWNER)
  assert.deepEqual([wire.from_number, wire.to_number, wire.number], ['+19175551234', '+14155551234', '+14155551234'])
  assert.deepEqual([wire.is_outbound, wire.status, wire.send_style], [true, 'READ', 'confetti'])
  assert.deepEqual([wire.date_read, wire.auto_mark_read], ['1970-01-01T00:00:02.000Z', null])
  assert.deepEqual(KEPT_MESSAGE.parse(wire), wire)
})

test('what could not be sent says why, in the words of the reasons', () => {
  const wire = messageToWire({ ...SENT, status: 'ERROR', reason: 'timeout' }, OWNER)
  assert.deepEqual(
    [wire.status, wire.error_reason, wire.error_message],
    ['ERROR', 'timeout', 'The carrier did not answer in time.'],
  )
  assert.equal(Object.keys(wire).length, 25)
})

test('a group is named with its participants', () => {
  const group = { ...SENT, kind: 'group', conversationAddress: 'a group' as Address } as const
  const { message_type, group_id, participants } = messageToWire(group, OWNER)
  assert.deepEqual([message_type, group_id, participants], ['group', 'a group', ['+14155551234', '+19175551234']])
})
