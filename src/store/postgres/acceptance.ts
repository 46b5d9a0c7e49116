import { ReadbackError } from '../../core/errors.ts'
import type { AccountId, EventId, LineId, ReceiptId } from '../../core/id.ts'
import type { MarkReadCall, MarkReadOutcome } from '../../core/mark-read.ts'
import { type QueuedReceipt, requestReceipt } from '../../core/request-receipt.ts'
import type { Context } from '../context.ts'
import { newestEventId } from '../events.ts'
import { admissionKey, admit, findAdmissions, type KeyAdmissionRow, toKeyAdmission } from './admissions.ts'
import { AGAIN, distinctBy } from './batches.ts'
import { openConversations, type Place } from './conversations.ts'
import { acceptLocked } from './locked-acceptance.ts'
import { type FoundPlace, findPlaces, JOIN_UNCHANGED, type Join, type JoinedRow, joining } from './places.ts'
import { type BegunRow, QUEUE, queueing } from './receipt-requests.ts'
import type { Recent } from './recent.ts'
import type { Transaction, Transactions } from './transactions.ts'

export interface AcceptanceTools extends Pick<Context, 'rules' | 'now'> {
  readonly transactions: Transactions
  readonly recent: Recent
}

export interface Accepted {
  /** One for each call, in order. */
  readonly outcomes: (MarkReadOutcome | ReadbackError | typeof AGAIN)[]
  /** Whose receipts were queued anew. */
  readonly touched: AccountId[]
}

/**
 * Accepts a batch of mark-read calls on PostgreSQL. What this node remembers of them is joined without a look, in one round trip
 * however many they are; the others take one more, for who calls and what is there. Nothing is locked before it is written; where that
 * fails for what another transaction wrote meanwhile, the batch is done again with locks. `again`: some of them have to be taken up
 * again since an earlier batch.
 */
export async function acceptCalls(
  calls: readonly MarkReadCall[],
  again: boolean,
  tools: AcceptanceTools,
): Promise<Accepted> {
  const finish = await tools.transactions.runUnlocked(
    () => {
      const acceptance = new Acceptance(calls, tools)
      return {
        // One statement needs no transaction around it.
        isolation: acceptance.remembered ? 'none' : 'snapshot',
        async work(transaction) {
          await acceptance.write(transaction, again)
          return () => acceptance.finish()
        },
      }
    },
    async (transaction) => {
      const accepted = await acceptLocked(transaction, calls, tools)
      return () => accepted
    },
  )
  return finish()
}

/** What the calls for one place come to. */
interface Wanted extends FoundPlace {
  readonly key: string
  readonly accountId: AccountId
  readonly lineId: LineId
  readonly requestedAt: number
  next: QueuedReceipt
  /** The statement that joins it has gone out. */
  issued: boolean
  /** Undefined until it is known to be written. */
  written: { readonly id: ReceiptId; readonly version: number } | undefined
}

/** A batch in a snapshot. */
class Acceptance {
  readonly #calls: readonly MarkReadCall[]
  readonly #tools: AcceptanceTools
  readonly #wanted = new Map<string, Wanted>()
  readonly #outcomes: (Wanted | ReadbackError | undefined)[]
  /** What calls were let in by from memory. */
  readonly #trusted = new Map<string, KeyAdmissionRow>()
  #heard: EventId | undefined
  #news: readonly string[] = []

  constructor(calls: readonly MarkReadCall[], tools: AcceptanceTools) {
    this.#calls = calls
    this.#tools = tools
    this.#heard = tools.recent.heard
    this.#outcomes = this.#recall()
  }

  /** Whether all that is asked for is, so that there is one statement to make. */
  get remembered(): boolean {
    return !this.#outcomes.includes(undefined)
  }

  /**
   * What is remembered is joined while the others are looked at. Those of them that are queued, too, are joined with the next batch: two
   * statements would lock their rows in no order, and nodes could wait for each other in a circle. In a batch with what comes again all
   * are looked at first, so that nothing comes again for ever. The last statements are not waited for: they go out with the commit.
   */
  async write(transaction: Transaction, again: boolean): Promise<void> {
    const looking = this.remembered ? undefined : this.#look(transaction)
    const joins = !again && this.#join(transaction)
    await looking
    if (!joins) this.#join(transaction)
    const fresh = [...this.#wanted.values()].filter(({ before }) => before === undefined)
    if (fresh.length > 0) queueFresh(transaction, fresh)
  }

  /** Once it is committed. Those of which something has changed are to be looked at: what was remembered of them is forgotten. */
  finish(): Accepted {
    const { recent } = this.#tools
    recent.hear(this.#heard, this.#news)
    const touched = new Set<AccountId>()
    let joined = 0
    for (const wanted of this.#wanted.values()) {
      const { key, lineId, conversationId, before, next, issued, written } = wanted
      if (before === undefined) touched.add(wanted.accountId)
      else if (written !== undefined) joined += 1
      if (written !== undefined) recent.note(key, { ...next, ...written, lineId, conversationId })
      else if (before === undefined || issued) recent.forget(key)
      else recent.note(key, { ...before, readUpTo: next.readUpTo, lineId, conversationId })
    }
    if (joined === 0) for (const key of this.#trusted.keys()) recent.forgetAdmission(key)
    const outcomes = this.#outcomes.map((one) => {
      if (one instanceof ReadbackError) return one
      return one?.written === undefined ? AGAIN : { receiptId: one.written.id, lineId: one.lineId }
    })
    return { outcomes, touched: [...touched] }
  }

  /** By what is remembered, as far as it is, and where it lets the call in: who is refused is looked at. */
  #recall(): (Wanted | undefined)[] {
    const { recent, rules } = this.#tools
    const { distinct, numbers } = distinctBy(this.#calls, admissionKey)
    const known = distinct.map((call) => {
      const key = admissionKey(call)
      const row = recent.admission(key)
      return row && { key, row, admission: toKeyAdmission(row) }
    })
    return this.#calls.map((call, index) => {
      const key = placeKey(call)
      const before = recent.at(key)
      const by = known[numbers[index] as number]
      if (before === undefined || by === undefined) return undefined
      const place = admit(call, by.admission, rules)
      if (place instanceof ReadbackError || place.lineId !== before.lineId) return undefined
      this.#trusted.set(by.key, by.row)
      const { conversationId, readUpTo: lastMessageId } = before
      return this.#want(key, call, place, { conversationId, lastMessageId, before, recalled: true })
    })
  }

  async #look(transaction: Transaction): Promise<void> {
    const { rules, now, recent } = this.#tools
    const numbers = this.#outcomes.flatMap((outcome, number) => (outcome === undefined ? [number] : []))
    const calls = numbers.map((number) => this.#calls[number] as MarkReadCall)
    const places = distinctBy(calls, placeKey)
    const [admissions, found, heard] = await Promise.all([
      findAdmissions(transaction, calls, now(), (key, row) => recent.noteAdmission(key, row)),
      findPlaces(transaction, places.distinct),
      this.#heard ?? newestEventId(transaction),
    ])
    this.#heard ??= heard
    const admitted = calls.map((call, index) => admit(call, admissions[index], rules))
    await openMissing(transaction, admitted, places.numbers, found)
    calls.forEach((call, index) => {
      const place = admitted[index] as Place | ReadbackError
      this.#outcomes[numbers[index] as number] =
        place instanceof ReadbackError
          ? place
          : this.#want(placeKey(call), call, place, found[places.numbers[index] as number] as FoundPlace)
    })
  }

  /** Undefined where it is too late to ask for more there. */
  #want(
    key: string,
    { trigger, at }: MarkReadCall,
    { accountId, lineId }: Place,
    found: FoundPlace,
  ): Wanted | undefined {
    const known = this.#wanted.get(key)
    if (known?.issued) return undefined
    const { conversationId, lastMessageId, before, recalled } = known ?? found
    const request = { trigger, readUpTo: lastMessageId, at, dueAt: at }
    const next = requestReceipt(known?.next ?? before, request, this.#tools.rules.receiptLifetimeMs)
    if (known !== undefined) {
      known.next = next
      return known
    }
    const place = { key, accountId, lineId, conversationId, lastMessageId, before, recalled }
    const wanted = { ...place, requestedAt: at, next, issued: false, written: undefined }
    this.#wanted.set(key, wanted)
    return wanted
  }

  /** Answers whether there is anything to join. */
  #join(transaction: Transaction): boolean {
    const joins = [...this.#wanted.values()].filter((one): one is Wanted & Join => one.before !== undefined)
    if (joins.length === 0) return false
    for (const join of joins) join.issued = true
    // In order, so that nodes do not wait for each other in a circle.
    joins.sort((a, b) => a.before.id - b.before.id)
    transaction.write<JoinedRow>(JOIN_UNCHANGED, joining(joins, [...this.#trusted.values()], this.#heard), ([row]) => {
      this.#heard = row?.heard ?? undefined
      this.#news = row?.news ?? []
      const ids = new Set(row?.ids)
      for (const join of joins) {
        if (ids.has(join.before.id)) join.written = { id: join.before.id, version: row?.version as number }
      }
    })
    return true
  }
}

function queueFresh(transaction: Transaction, fresh: Wanted[]): void {
  fresh.sort((a, b) => a.conversationId - b.conversationId)
  const byConversation = new Map(fresh.map((one) => [one.conversationId, one]))
  transaction.write<BegunRow>(QUEUE, queueing(fresh), (rows) => {
    for (const { id, conversation_id, version } of rows) {
      const one = byConversation.get(conversation_id)
      if (one !== undefined) one.written = { id, version }
    }
  })
}

/** Conversations that nobody has written in. */
async function openMissing(
  transaction: Transaction,
  admitted: readonly (Place | ReadbackError)[],
  numbers: readonly number[],
  found: (FoundPlace | undefined)[],
): Promise<void> {
  const missing = admitted.flatMap((place, index) => {
    const number = numbers[index] as number
    return place instanceof ReadbackError || found[number] !== undefined ? [] : [{ place, number }]
  })
  if (missing.length === 0) return
  const places = missing.map(({ place }) => place)
  const opened = await openConversations(transaction, places, { lock: false })
  missing.forEach(({ number }, index) => {
    const { id: conversationId, lastMessageId } = opened[index] as (typeof opened)[number]
    found[number] = { conversationId, lastMessageId, before: undefined }
  })
}

function placeKey({ fromNumber, number }: MarkReadCall): string {
  return `${fromNumber} ${number}`
}
