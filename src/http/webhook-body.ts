import type { Delivery } from '../core/webhook.ts'
import { isoTime } from './fields.ts'
import { messageToWire } from './message-body.ts'
import { receiptToWire } from './receipts.ts'

/** What an endpoint is sent. The same on every try: an event is kept as it was. */
export function webhookBody({ event: { event, at }, account }: Pick<Delivery, 'event' | 'account'>): object {
  switch (event.type) {
    case 'message.received':
    case 'message.created':
    case 'message.updated':
      return messageToWire(event.message, account)
    case 'receipt.settled':
      return { ...receiptToWire(event.receipt), accountEmail: account.email, occurred_at: isoTime(at) }
    case 'typing.changed':
      return {
        accountEmail: account.email,
        number: event.contact,
        from_number: event.contact,
        to_number: event.lineNumber,
        sendblue_number: event.lineNumber,
        is_typing: event.typing,
        timestamp: isoTime(at),
      }
    default:
      throw new Error(`No webhook tells of ${event.type}`)
  }
}
