import type { AutoReason } from '../../core/auto-mark-read.ts'
import type { ConversationId, MessageId } from '../../core/id.ts'
import type { Arrival } from '../../core/inbound-message.ts'
import type { Owner } from '../arrivals.ts'
import type { Statement, Transaction } from './transactions.ts'

/** One part of what arrived. */
export interface Piece {
  readonly arrival: Arrival
  readonly owner: Owner
  readonly conversationId: ConversationId
  readonly part: number
  /** Why the auto rule did not fire. */
  readonly reason: AutoReason | null
}

/** Answers their ids, which grow in the order of the pieces. */
export async function insertMessages(transaction: Transaction, pieces: readonly Piece[]): Promise<MessageId[]> {
  if (pieces.length === 0) return []
  const rows = await transaction.rows<{ id: MessageId }>(INSERT, [
    pieces.map(({ owner }) => owner.account.id),
    pieces.map(({ arrival }) => arrival.lineId),
    pieces.map(({ conversationId }) => conversationId),
    pieces.map(({ arrival }) => arrival.message.carrierMessageId),
    pieces.map(({ part }) => part),
    pieces.map(({ arrival }) => arrival.message.contact),
    pieces.map(({ arrival, part }) => arrival.message.parts[part]?.content ?? null),
    pieces.map(({ arrival, part }) => arrival.message.parts[part]?.mediaUrl ?? null),
    pieces.map(({ arrival }) => arrival.message.service),
    pieces.map(({ arrival }) => (arrival.message.reaction ? 1 : 0)),
    pieces.map(({ arrival }) => arrival.message.sentAt),
    pieces.map(({ arrival }) => arrival.receivedAt),
    pieces.map(({ reason }) => reason),
  ])
  return rows.map(({ id }) => id).sort((a, b) => a - b)
}

const INSERT: Statement = {
  name: 'insert messages',
  text: `insert into messages (account_id, line_id, conversation_id, carrier_message_id, part, contact, content, media_url,
      service, reaction, sent_at, received_at, auto_reason, updated_at)
    select account_id, line_id, conversation_id, carrier_message_id, part, contact, content, media_url, service, reaction,
      sent_at, received_at, auto_reason, received_at
    from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
      $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[]) with ordinality
      as k (account_id, line_id, conversation_id, carrier_message_id, part, contact, content, media_url, service, reaction,
        sent_at, received_at, auto_reason, n) order by n returning id`,
}
