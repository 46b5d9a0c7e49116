import type { Message } from '../core/message.ts'
import type { Delivery } from '../core/webhook.ts'
import { handleOf, isoTime } from './fields.ts'
import { receiptToWire } from './receipts.ts'

/** What an endpoint is sent. The same on every try: an event is kept as it was. */
export function webhookBody({ event: { event, at }, account }: Pick<Delivery, 'event' | 'account'>): object {
  switch (event.type) {
    case 'message.received':
      return messageToWebhook(event.message, account)
    case 'receipt.settled':
      return { ...receiptToWire(event.receipt), accountEmail: account.email, occurred_at: isoTime(at) }
  }
}

/** Contract §7: the 25 fields that the original was seen to send, no more and no fewer. */
function messageToWebhook(message: Message, { email, plan }: Delivery['account']): object {
  const { outbound, contact, lineNumber, kind, conversationAddress } = message
  return {
    accountEmail: email,
    content: message.content ?? '',
    is_outbound: outbound,
    status: message.status,
    error_code: null,
    error_message: null,
    error_reason: null,
    error_detail: null,
    message_handle: handleOf(message.id),
    date_sent: isoTime(message.sentAt),
    date_updated: isoTime(message.updatedAt),
    from_number: outbound ? lineNumber : contact,
    number: contact,
    to_number: outbound ? contact : lineNumber,
    sendblue_number: lineNumber,
    was_downgraded: null,
    plan,
    media_url: message.mediaUrl ?? '',
    message_type: kind === 'group' ? 'group' : 'message',
    group_id: kind === 'group' ? conversationAddress : '',
    group_display_name: null,
    participants: kind === 'group' ? [contact, lineNumber] : [],
    send_style: '',
    opted_out: false,
    service: message.service,
  }
}
