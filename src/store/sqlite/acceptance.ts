import type { DatabaseSync } from 'node:sqlite'
import type { Credentials } from '../../core/account.ts'
import { admitCaller, type Caller, reaches } from '../../core/caller.ts'
import type { ConversationKind } from '../../core/conversation.ts'
import type { AccountId, ConversationId, MessageId, ReceiptId } from '../../core/id.ts'
import type { Line } from '../../core/line.ts'
import { type MarkReadCall, type MarkReadOutcome, passAccountGate, passLine } from '../../core/mark-read.ts'
import type { Address, PhoneNumber } from '../../core/phone-number.ts'
import type { Trigger } from '../../core/receipt.ts'
import { type QueuedReceipt, type ReceiptRequest, requestReceipt } from '../../core/request-receipt.ts'
import {
  type KeyRow,
  type SessionRow,
  type TokenRow,
  toKeyCaller,
  toSessionCaller,
  toTokenCaller,
} from '../accounts.ts'
import type { Context } from '../context.ts'
import { hashSecret } from '../seal.ts'
import type { Events } from './events.ts'
import { type Joins, merge } from './joins.ts'
import type { Recent } from './recent.ts'

/** A conversation and what it has queued, read at one go. */
export interface Found {
  readonly id: ConversationId
  readonly last_message_id: MessageId | null
  readonly receipt_id: ReceiptId | null
  readonly trigger: Trigger
  readonly requests: number
  readonly read_up_to: MessageId | null
  readonly next_attempt_at: number | null
  readonly expires_at: number
}

/** The same once something was asked for in it. */
export interface Queued extends Found {
  readonly receipt_id: ReceiptId
}

/** A line, and whose it is. */
type Owned = Pick<Line, 'id' | 'accountId'>

/** A line as accepting sees it. */
type AcceptingLine = Owned & Pick<Line, 'connector'>

/**
 * Accepting a mark-read call on SQLite: the hot path, in prepared statements. Within one transaction a key and a line are read
 * once, however many of its calls name them; {@link Acceptance.forget} ends that with the transaction, or sooner.
 */
export class Acceptance {
  readonly #rules: Context['rules']
  readonly #now: Context['now']
  readonly #joins: Joins
  readonly #recent: Recent
  readonly #events: Events
  readonly #statements: ReturnType<typeof prepare>
  readonly #callers = new Map<string, Caller | undefined>()
  readonly #lines = new Map<string, AcceptingLine | undefined>()

  /** Calls taken since the start. */
  accepted = 0

  constructor(
    database: DatabaseSync,
    { rules, now }: Pick<Context, 'rules' | 'now'>,
    { joins, recent, events }: { joins: Joins; recent: Recent; events: Events },
  ) {
    this.#rules = rules
    this.#now = now
    this.#joins = joins
    this.#recent = recent
    this.#events = events
    this.#statements = prepare(database)
  }

  forget(): void {
    this.#callers.clear()
    this.#lines.clear()
  }

  markRead(call: MarkReadCall): MarkReadOutcome {
    const caller = admitCaller(this.#caller(call.credentials), call.credentials, 'lines')
    passAccountGate(caller.account)
    const own = reaches(caller, call.fromNumber) ? this.#line(caller.account.id, call.fromNumber) : undefined
    const line = passLine(own, this.#rules, call.relayed)
    const place = `${line.id} ${call.number}`
    const found = this.#recent.find(place) ?? this.conversationAt(line, 'direct', call.number, call.at)
    this.accepted += 1
    const request = { trigger: call.trigger, readUpTo: found.last_message_id, at: call.at, dueAt: call.at }
    const queued = this.#request(line, found, request)
    this.#recent.note(place, queued)
    return { receiptId: queued.receipt_id, lineId: line.id }
  }

  /** Opened where there is none: where nobody has written yet a receipt needs one to belong to all the same. */
  conversationAt({ id, accountId }: Owned, kind: ConversationKind, address: Address, at: number): Found {
    const found = this.#statements.findConversation.get(id, address, kind) as Found | undefined
    if (found !== undefined) return found
    const { lastInsertRowid } = this.#statements.openConversation.run(accountId, id, kind, address, at)
    return { ...NOTHING_QUEUED, id: lastInsertRowid as ConversationId, last_message_id: null }
  }

  /** Writes what the waist decides: the receipt that this request queued or joined. */
  requestReceipt(line: Owned, found: Found, request: ReceiptRequest): ReceiptId {
    return this.#request(line, found, request).receipt_id
  }

  #request(line: Owned, found: Found, request: ReceiptRequest): Queued {
    const { id, last_message_id, receipt_id } = found
    const queued = receipt_id === null ? undefined : this.#queued(found, receipt_id)
    const next = requestReceipt(queued, request, this.#rules.receiptLifetimeMs)
    const { trigger, requests, readUpTo: read_up_to, nextAttemptAt: next_attempt_at, expiresAt: expires_at } = next
    const asked = { id, last_message_id, trigger, requests, read_up_to, next_attempt_at, expires_at }
    if (receipt_id === null) return { ...asked, receipt_id: this.#queue(line, id, next, request.at) }
    this.#joins.add(receipt_id, next)
    // Rare: only of a receipt that waits for a later time, or for a reply.
    if (next_attempt_at !== found.next_attempt_at) this.#statements.hasten.run(next_attempt_at, receipt_id)
    return { ...asked, receipt_id }
  }

  #queued(found: Found, id: ReceiptId): QueuedReceipt {
    const { trigger, requests, read_up_to: readUpTo, next_attempt_at: nextAttemptAt, expires_at: expiresAt } = found
    return merge({ trigger, requests, readUpTo, nextAttemptAt, expiresAt }, this.#joins.find(id))
  }

  #queue(line: Owned, conversationId: ConversationId, queued: QueuedReceipt, at: number): ReceiptId {
    const { trigger, requests, readUpTo, nextAttemptAt, expiresAt } = queued
    this.#events.touchAccount(line.accountId)
    const { lastInsertRowid } = this.#statements.queue.run(
      line.accountId,
      line.id,
      conversationId,
      trigger,
      requests,
      readUpTo,
      at,
      nextAttemptAt,
      expiresAt,
    )
    return lastInsertRowid as ReceiptId
  }

  #caller(credentials: Credentials): Caller | undefined {
    const known = nameOf(credentials)
    if (!this.#callers.has(known)) this.#callers.set(known, this.#findCaller(credentials))
    return this.#callers.get(known)
  }

  #findCaller(credentials: Credentials): Caller | undefined {
    const { findKey, findToken, findSession } = this.#statements
    if ('token' in credentials) {
      return toTokenCaller(findToken.get(hashSecret(credentials.token)) as TokenRow | undefined, this.#now())
    }
    if ('sessionToken' in credentials) {
      return toSessionCaller(
        findSession.get(hashSecret(credentials.sessionToken)) as SessionRow | undefined,
        this.#now(),
      )
    }
    return toKeyCaller(findKey.get(credentials.keyId) as KeyRow | undefined, credentials)
  }

  #line(accountId: AccountId, number: PhoneNumber): AcceptingLine | undefined {
    const known = `${accountId} ${number}`
    if (!this.#lines.has(known)) {
      this.#lines.set(known, this.#statements.findLine.get(number, accountId) as AcceptingLine | undefined)
    }
    return this.#lines.get(known)
  }
}

/** What a conversation looks like that has no queued receipt. */
const NOTHING_QUEUED = {
  receipt_id: null,
  trigger: 'api',
  requests: 0,
  read_up_to: null,
  next_attempt_at: null,
  expires_at: 0,
} as const

/** A name that no other credentials have. With the id's length two pairs that would read alike when joined do not. */
function nameOf(credentials: Credentials): string {
  if ('token' in credentials) return `token ${credentials.token}`
  if ('sessionToken' in credentials) return `session ${credentials.sessionToken}`
  return `${credentials.keyId.length} ${credentials.keyId} ${credentials.secret}`
}

function prepare(database: DatabaseSync) {
  return {
    findKey: database.prepare(
      `select accounts.*, api_keys.secret_hash from api_keys join accounts on accounts.id = api_keys.account_id
       where api_keys.key_id = ?`,
    ),
    findToken: database.prepare(
      `select accounts.*, tokens.key_id, tokens.numbers, tokens.expires_at from tokens join api_keys on api_keys.key_id = tokens.key_id
         join accounts on accounts.id = tokens.account_id
       where tokens.token_hash = ?`,
    ),
    findSession: database.prepare(
      `select accounts.*, sessions.key_id, sessions.expires_at from sessions join api_keys on api_keys.key_id = sessions.key_id
       join accounts on accounts.id = api_keys.account_id where sessions.token_hash = ?`,
    ),
    findLine: database.prepare(
      'select id, account_id as accountId, connector from lines where number = ? and account_id = ? and removed_at is null',
    ),
    findConversation: database.prepare(
      `select c.id, c.last_message_id, r.id as receipt_id, r.trigger, r.requests, r.read_up_to, r.next_attempt_at, r.expires_at
       from conversations c
       left join receipts r on r.conversation_id = c.id and r.state = 'queued' and r.settled_at is null
       where c.line_id = ? and c.address = ? and c.kind = ?`,
    ),
    openConversation: database.prepare(
      'insert into conversations (account_id, line_id, kind, address, active_at) values (?, ?, ?, ?, ?)',
    ),
    hasten: database.prepare('update receipts set next_attempt_at = ? where id = ?'),
    queue: database.prepare(
      `insert into receipts (account_id, line_id, conversation_id, trigger, requests, read_up_to, requested_at,
       next_attempt_at, expires_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
  }
}
