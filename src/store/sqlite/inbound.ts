import type { DatabaseSync } from 'node:sqlite'
import type { Account } from '../../core/account.ts'
import { type AutoReason, autoMarkRead } from '../../core/auto-mark-read.ts'
import { dueAt } from '../../core/auto-timing.ts'
import type { ConversationId, LineId, MessageId } from '../../core/id.ts'
import { type Arrival, type StoredInbound, writtenAt } from '../../core/inbound-message.ts'
import { arrivalTold, asKnown, type Owner, type OwnerRow, toOwner } from '../arrivals.ts'
import type { StoreRules } from '../context.ts'
import { noSuchLine } from '../lines.ts'
import type { Acceptance } from './acceptance.ts'
import type { Events } from './events.ts'
import type { Recent } from './recent.ts'

/** Storing what arrived, and the auto rule's decision with it, on SQLite. */
export class Inbound {
  readonly #rules: StoreRules
  readonly #acceptance: Acceptance
  readonly #recent: Recent
  readonly #events: Events
  readonly #statements: ReturnType<typeof prepare>

  constructor(
    database: DatabaseSync,
    rules: StoreRules,
    { acceptance, recent, events }: { acceptance: Acceptance; recent: Recent; events: Events },
  ) {
    this.#rules = rules
    this.#acceptance = acceptance
    this.#recent = recent
    this.#events = events
    this.#statements = prepare(database)
  }

  storeInbound(arrivals: readonly Arrival[]): StoredInbound[] {
    // Looked up before anything is written: a refusal must leave nothing behind.
    const owners = arrivals.map(({ lineId }) => this.#ownerOf(lineId))
    return arrivals.map((arrival, index) => this.#store(arrival, owners[index] as Owner))
  }

  #store(brought: Arrival, owner: Owner): StoredInbound {
    const { account, timing } = owner
    const arrival = this.#asKnown(brought)
    const { lineId, message, receivedAt } = arrival
    const seen = this.#statements.findSeen.get(lineId, message.carrierMessageId) as { message_ids: string } | undefined
    if (seen !== undefined) return { messageIds: JSON.parse(seen.message_ids), repeated: true, receiptId: null }

    const line = { id: lineId, accountId: account.id }
    const found = this.#acceptance.conversationAt(line, message.kind, message.conversationAddress, receivedAt)
    const conversationId = found.id
    this.#recent.forget(conversationId)
    const reasons = message.parts.map((_, part) => this.#autoMarkRead(account, arrival, part))
    const messageIds = message.parts.map((_, part) =>
      this.#insert(arrival, account, conversationId, part, reasons[part] ?? null),
    )
    const newest = messageIds[messageIds.length - 1] as MessageId
    const { service, carrierConversation } = message
    this.#statements.advance.run(writtenAt(arrival), service, carrierConversation, newest, receivedAt, conversationId)
    this.#statements.see.run(lineId, message.carrierMessageId, JSON.stringify(messageIds), receivedAt)

    for (const [part, id] of messageIds.entries()) this.#tell(arrival, owner, id, part)
    if (!reasons.includes(null)) return { messageIds, repeated: false, receiptId: null }
    const due = dueAt(timing, receivedAt, Math.random())
    const request = { trigger: 'auto', readUpTo: newest, at: receivedAt, dueAt: due } as const
    return { messageIds, repeated: false, receiptId: this.#acceptance.requestReceipt(line, found, request) }
  }

  #asKnown(arrival: Arrival): Arrival {
    const { lineId, message } = arrival
    return asKnown(arrival, (address) => this.#statements.findNamed.get(lineId, address, message.kind) !== undefined)
  }

  #tell(arrival: Arrival, owner: Owner, id: MessageId, part: number): void {
    const { event, at, callback: _, ...subject } = arrivalTold(arrival, owner, id, part)
    this.#events.record(subject, event, at)
  }

  #autoMarkRead(account: Account, { message, carrierNow }: Arrival, part: number): AutoReason | null {
    const { service, kind, sentAt } = message
    return autoMarkRead(account, { service, kind, part, sentAt, carrierNow }, this.#rules.auto)
  }

  #insert(
    { lineId, message, receivedAt }: Arrival,
    account: Account,
    conversationId: ConversationId,
    part: number,
    reason: AutoReason | null,
  ): MessageId {
    const piece = message.parts[part]
    const { lastInsertRowid } = this.#statements.insert.run(
      account.id,
      lineId,
      conversationId,
      message.carrierMessageId,
      part,
      message.contact,
      piece?.content ?? null,
      piece?.mediaUrl ?? null,
      message.service,
      message.reaction ? 1 : 0,
      message.sentAt,
      receivedAt,
      reason,
      receivedAt,
    )
    return lastInsertRowid as MessageId
  }

  #ownerOf(lineId: LineId): Owner {
    return toOwner((this.#statements.findOwner.get(lineId) as OwnerRow | undefined) ?? noSuchLine())
  }
}

function prepare(database: DatabaseSync) {
  return {
    findOwner: database.prepare(
      `select accounts.*, lines.number as line_number, lines.auto_timing as line_timing from lines join accounts on accounts.id = lines.account_id
       where lines.id = ? and lines.removed_at is null`,
    ),
    findNamed: database.prepare('select id from conversations where line_id = ? and address = ? and kind = ?'),
    findSeen: database.prepare('select message_ids from seen_inbound where line_id = ? and carrier_message_id = ?'),
    see: database.prepare(
      'insert into seen_inbound (line_id, carrier_message_id, message_ids, seen_at) values (?, ?, ?, ?)',
    ),
    advance: database.prepare(
      `update conversations set service = iif(?1 < service_at, service, ?2),
         carrier_conversation = iif(?1 < service_at, carrier_conversation, ?3), service_at = max(?1, coalesce(service_at, ?1)),
         last_message_id = ?4, active_at = ?5 where id = ?6`,
    ),
    insert: database.prepare(
      `insert into messages (account_id, line_id, conversation_id, carrier_message_id, part, contact, content, media_url,
       service, reaction, sent_at, received_at, auto_reason, updated_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
  }
}
