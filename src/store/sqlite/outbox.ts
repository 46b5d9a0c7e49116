import type { DatabaseSync } from 'node:sqlite'
import { LEAST_SET_BACK_MS, wasSetBack } from '../../core/clock-set-back.ts'
import { type Connector, MOST_MARKED } from '../../core/connector.ts'
import type { Conversation } from '../../core/conversation.ts'
import type { AccountId, ConversationId, LineId, MessageId, ReceiptId } from '../../core/id.ts'
import type { Hindrance } from '../../core/overdue.ts'
import { bucketOf, minuteOf } from '../../core/overview.ts'
import type { Receipt } from '../../core/receipt.ts'
import type { Claim, Setback, Settlement } from '../../core/send-receipt.ts'
import type { ClaimCall, Claimed, Outbox } from '../../core/store.ts'
import { aim, aimBefore, choose, endsUnmarkable, type MarkableRow, type OpenRow } from '../claims.ts'
import type { Context } from '../context.ts'
import { type LineRow, toLine } from '../lines.ts'
import type { Events } from './events.ts'
import type { Joins } from './joins.ts'
import { prepareOutbox } from './outbox-statements.ts'
import type { Recent } from './recent.ts'

/** The lanes' side of the receipts table on SQLite. */
export class LaneStore {
  readonly #context: Pick<Context, 'seal' | 'rules'>
  readonly #joins: Joins
  readonly #recent: Recent
  readonly #events: Events
  readonly #statements: ReturnType<typeof prepareOutbox>
  /** Whatever the time was before the start. */
  #claimedAt = Number.POSITIVE_INFINITY

  constructor(
    database: DatabaseSync,
    context: Pick<Context, 'seal' | 'rules'>,
    { joins, recent, events }: { joins: Joins; recent: Recent; events: Events },
  ) {
    this.#context = context
    this.#joins = joins
    this.#recent = recent
    this.#events = events
    this.#statements = prepareOutbox(database)
  }

  claimReceipts({ lineId, limit, at, ...hindrance }: ClaimCall): Claimed {
    const lineRow = this.#statements.findLine.get(lineId) as LineRow | undefined
    if (lineRow === undefined) return { line: undefined, claims: [], nextDueAt: null }
    if (wasSetBack(this.#claimedAt, at)) {
      this.#recent.forgetAll()
      this.#statements.hasten.run(at, at + LEAST_SET_BACK_MS)
    }
    this.#claimedAt = at
    const claims: Claim[] = []
    const receipts = this.#context.rules.receipts[lineRow.connector] ?? {}
    if (lineRow.paused === 0) {
      // One that is on its way again may have another behind it.
      const due = this.#statements.findDue.all(lineId, at, 2 * limit) as { conversation_id: ConversationId }[]
      for (const { conversation_id } of due) {
        if (claims.length >= limit) break
        const claim = this.#claim(conversation_id, receipts, hindrance, at)
        if (claim !== undefined) claims.push(claim)
      }
    }
    const next = this.#statements.findNextDue.get(lineId) as { next: number } | undefined
    if (claims.length > 0) this.#events.touchAccount(lineRow.account_id)
    return { line: toLine(lineRow, this.#context.seal), claims, nextDueAt: next?.next ?? null }
  }

  settleReceipts(written: Settlement | Setback): void {
    this.#recent.forget(written.conversationId)
    for (const { id, requests } of written.receipts) this.#write(written, id, requests)
    if (written.state === 'sending') for (const id of written.marked) this.#statements.mark.run(id)
    if (written.state === 'sent') this.#statements.readThrough.run(written.readThrough, written.conversationId)
  }

  expireReceipts({ receiptIds, at, ...hindrance }: Parameters<Outbox['expireReceipts']>[0]): void {
    for (const id of receiptIds) {
      this.#joins.fold(id)
      this.#expire(id, hindrance, at)
    }
  }

  /** What a line that was removed had waiting. */
  skipReceipts({ receiptIds, at }: { receiptIds: readonly ReceiptId[]; at: number }): void {
    for (const id of receiptIds) {
      this.#joins.fold(id)
      this.#statements.skipRemoved.run(at, id)
      this.#tell(id, at)
    }
  }

  releaseReceipts({ at }: { at: number }): void {
    this.#statements.release.run(at)
  }

  releaseLost({ lineId, carried, at }: Parameters<Outbox['releaseLost']>[0]): void {
    this.#statements.releaseLost.run(at, lineId, JSON.stringify(carried))
  }

  /** Undefined where all it had was too late. */
  #claim(
    conversationId: ConversationId,
    declared: Connector['receipts'],
    hindrance: Hindrance,
    at: number,
  ): Claim | undefined {
    this.#recent.forget(conversationId)
    const { tooLate, taken } = choose(this.#openOf(conversationId), at)
    for (const id of tooLate) this.#expire(id, hindrance, at)
    if (taken === undefined) return undefined
    // The one that leads is `sending` from here on; one behind it rides along and stays open to be joined.
    this.#statements.send.run(taken.receipts[0].id)
    const row = this.#statements.findConversation.get(conversationId) as Conversation | undefined
    if (row === undefined) throw new Error('A receipt without a conversation')
    const { readUpTo } = taken
    const conversation = { ...row }
    const unread = readUpTo === null ? [] : this.#unread(row, readUpTo, declared)
    const claim = aim(conversation, unread, taken, declared)
    if (!endsUnmarkable(claim, declared)) return claim
    const before = this.#statements.findUnread.all(conversationId, readUpTo, row.readThrough ?? 0, MOST_MARKED)
    return aimBefore(claim, conversation, before as unknown as MarkableRow[], declared)
  }

  /** The messages that a receipt marks, newest first. */
  #unread(
    { id, service, readThrough }: Conversation,
    readUpTo: MessageId,
    declared: Connector['receipts'],
  ): readonly MarkableRow[] {
    const each = service !== null && declared[service] === 'message'
    const newest = each ? undefined : (this.#statements.findFirst.get(readUpTo) as MarkableRow | undefined)
    if (newest !== undefined) return [newest]
    const unread = this.#statements.findUnread.all(id, readUpTo, readThrough ?? 0, each ? MOST_MARKED : 1)
    const rows = unread.length > 0 ? unread : this.#statements.findUnread.all(id, readUpTo, 0, 1)
    return rows as unknown as MarkableRow[]
  }

  #openOf(conversationId: ConversationId): OpenRow[] {
    const find = () => this.#statements.findOpen.all(conversationId) as unknown as OpenRow[]
    const open = find()
    const folded = open.filter(({ id }) => this.#joins.fold(id))
    return folded.length > 0 ? find() : open
  }

  #write(written: Settlement | Setback, id: ReceiptId, requests: number): void {
    const { reason, at, attempts, service } = written
    this.#joins.fold(id)
    if (written.state === 'sending') {
      const { setBack } = this.#statements
      const row = setBack.get(reason, written.setbacks, written.nextAttemptAt, attempts, at, id)
      if (row !== undefined) this.#events.touchAccount(row.account_id as AccountId)
      return
    }
    // Whatever state it is in: only one that nobody joined since it was claimed may end with this call.
    const { changes } = this.#statements.settle.run(written.state, reason, service, attempts, at, at, id, requests)
    if (changes === 0) this.#statements.count.run(attempts, at, id)
    else this.#tell(id, at)
  }

  #expire(id: ReceiptId, { obstacle, servedFrom }: Hindrance, at: number): void {
    if (this.#statements.expire.run(servedFrom, obstacle, at, id, at).changes > 0) this.#tell(id, at)
  }

  #tell(id: ReceiptId, at: number): void {
    const { lineId, ...receipt } = this.#statements.findReceipt.get(id) as unknown as Receipt & { lineId: LineId }
    const { accountId, fromNumber: number } = receipt
    this.#events.record({ accountId, lineId, number }, { type: 'receipt.settled', receipt }, at)
    this.#statements.tally.run(accountId, minuteOf(at), receipt.state, bucketOf(at - receipt.requestedAt))
  }
}
