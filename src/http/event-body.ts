import type { AccountEvent, RecordedEvent } from '../core/account-event.ts'
import { formatId } from '../core/id.ts'
import type { Message } from '../core/message.ts'
import { handleOf, isoTime } from './fields.ts'
import { receiptToWire } from './receipts.ts'

/** Every type that a listener may ask for: the SDK's, and our `receipt.*`. */
export const EVENT_TYPES = [
  'message.received',
  'message.created',
  'message.updated',
  'typing.changed',
  'line.assigned',
  'line.unassigned',
  'line.status.changed',
  'line.blocked',
  'contact.created',
  'verification.approved',
  'verification.expired',
  'verification.canceled',
  'receipt.sent',
  'receipt.skipped',
  'receipt.failed',
  'receipt.expired',
] as const

/** An event as the SDK's `events.stream` has it. */
export function eventToWire({ id, at, event }: RecordedEvent) {
  return { id: formatId('event', id), type: typeOf(event), occurred_at: isoTime(at), version: 1, data: dataOf(event) }
}

function typeOf(event: AccountEvent): string {
  return event.type === 'receipt.settled' ? `receipt.${event.receipt.state}` : event.type
}

function dataOf(event: AccountEvent): object {
  switch (event.type) {
    case 'message.received':
    case 'message.created':
    case 'message.updated':
      return messageToWire(event.message)
    case 'typing.changed':
      return { number: event.contact, sendblue_number: event.lineNumber, is_typing: event.typing }
    case 'receipt.settled':
      return receiptToWire(event.receipt)
    case 'line.status.changed':
      return { sendblue_number: event.lineNumber, status: event.health.status, reason: event.health.reason }
  }
}

/** The least that tells what it is about; the rest is in the lists. */
function messageToWire({ id, contact, lineNumber, outbound, status, service, content }: Message) {
  return {
    message_handle: handleOf(id),
    number: contact,
    sendblue_number: lineNumber,
    is_outbound: outbound,
    status,
    service,
    content: content ?? '',
  }
}
