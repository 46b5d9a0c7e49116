import { type AutoReason, autoMarkRead } from '../../core/auto-mark-read.ts'
import { dueAt } from '../../core/auto-timing.ts'
import { ReadbackError } from '../../core/errors.ts'
import type { ConversationId, LineId, MessageId } from '../../core/id.ts'
import { type Arrival, type StoredInbound, writtenAt } from '../../core/inbound-message.ts'
import type { PhoneNumber } from '../../core/phone-number.ts'
import { ACCOUNT_COLUMNS, toAccount } from '../accounts.ts'
import { arrivalTold, type Owner } from '../arrivals.ts'
import type { Told } from '../events.ts'
import type { StoreRules } from '../session.ts'
import { openConversations } from './conversations.ts'
import { insertMessages, type Piece } from './messages.ts'
import { type Asked, requestReceipts } from './receipt-requests.ts'
import { plannedOnce, type Statement, type Transaction } from './transactions.ts'

/** An arrival that nobody has brought before. */
interface Fresh {
  readonly arrival: Arrival
  readonly owner: Owner
  readonly conversationId: ConversationId
  /** For each part, why the auto rule did not fire. */
  readonly reasons: readonly (AutoReason | null)[]
}

export interface InboundOutcome {
  /** For each call its outcome, or its refusal. */
  readonly stored: readonly (StoredInbound[] | ReadbackError)[]
  readonly happenings: readonly Told[]
}

/** Stores what arrived in a batch of calls, and the auto rule's decision with it, on PostgreSQL. */
export async function storeArrivals(
  transaction: Transaction,
  calls: readonly (readonly Arrival[])[],
  rules: StoreRules,
): Promise<InboundOutcome> {
  const owners = await findOwners(transaction, calls.flat())
  const noLine = (arrivals: readonly Arrival[]) => arrivals.some(({ lineId }) => !owners.has(lineId))
  const accepted = calls.filter((arrivals) => !noLine(arrivals)).flat()
  const { seen, fresh } = await sift(transaction, accepted, owners, rules)
  const pieces = fresh.flatMap(toPieces)
  const ids = (await insertMessages(transaction, pieces)).values()
  for (const { arrival } of fresh) seen.set(keyOf(arrival), [...ids.take(arrival.message.parts.length)])
  await remember(transaction, fresh, seen)
  const asked = fresh.filter(({ reasons }) => reasons.includes(null)).map((one) => toAsked(one, seen))
  const { ids: receiptIds } = await requestReceipts(transaction, asked, rules.receiptLifetimeMs)
  const receiptOf = new Map(asked.map(({ arrival }, index) => [arrival, receiptIds[index] ?? null]))
  const freshArrivals = new Set(fresh.map(({ arrival }) => arrival))
  const stored = calls.map((arrivals) => {
    if (noLine(arrivals)) return new ReadbackError('not_found', 'No such line')
    return arrivals.map((arrival): StoredInbound => {
      const messageIds = seen.get(keyOf(arrival)) ?? []
      return { messageIds, repeated: !freshArrivals.has(arrival), receiptId: receiptOf.get(arrival) ?? null }
    })
  })
  const handles = fresh.flatMap(({ arrival }) => seen.get(keyOf(arrival)) ?? [])
  const happenings = pieces.map(({ arrival, owner, part }, index) =>
    arrivalTold(arrival, owner, handles[index] as MessageId, part),
  )
  return { stored, happenings }
}

/**
 * Parts what is new from what was brought before. Under the conversations' locks: a repeat that another node stores at this moment
 * is seen once that node is done.
 */
async function sift(
  transaction: Transaction,
  arrivals: readonly Arrival[],
  owners: ReadonlyMap<LineId, Owner>,
  rules: StoreRules,
): Promise<{ seen: Map<string, readonly MessageId[]>; fresh: Fresh[] }> {
  const places = arrivals.map(({ lineId, message: { kind, conversationAddress: address }, receivedAt: at }) => {
    return { accountId: (owners.get(lineId) as Owner).account.id, lineId, kind, address, at }
  })
  const conversations = await openConversations(transaction, places, { lock: true })
  const rows = await transaction.rows<SeenRow>(FIND_SEEN, [
    arrivals.map(({ lineId }) => lineId),
    arrivals.map(({ message }) => message.carrierMessageId),
  ])
  const seen = new Map<string, readonly MessageId[]>()
  for (const row of rows) seen.set(`${row.line_id} ${row.carrier_message_id}`, JSON.parse(row.message_ids))
  const taken = new Set(seen.keys())
  const fresh = arrivals.flatMap((arrival, index): Fresh[] => {
    if (taken.has(keyOf(arrival))) return []
    taken.add(keyOf(arrival))
    const owner = owners.get(arrival.lineId) as Owner
    const { service, kind, sentAt, parts } = arrival.message
    const subject = { service, kind, sentAt, carrierNow: arrival.carrierNow }
    const reasons = parts.map((_, part) => autoMarkRead(owner.account, { ...subject, part }, rules.auto))
    return [{ arrival, owner, conversationId: conversations[index]?.id as ConversationId, reasons }]
  })
  return { seen, fresh }
}

/** What recognises them when they come again, and the conversations' newest. */
async function remember(
  transaction: Transaction,
  fresh: readonly Fresh[],
  seen: ReadonlyMap<string, readonly MessageId[]>,
): Promise<void> {
  if (fresh.length === 0) return
  await transaction.rows(SEE, [
    fresh.map(({ arrival }) => arrival.lineId),
    fresh.map(({ arrival }) => arrival.message.carrierMessageId),
    fresh.map(({ arrival }) => JSON.stringify(seen.get(keyOf(arrival)))),
    fresh.map(({ arrival }) => arrival.receivedAt),
  ])
  const newest = [...new Map(fresh.map((one) => [one.conversationId, one])).values()]
  // What came last may have been written before what came with it.
  const latest = new Map<ConversationId, Arrival>()
  for (const { conversationId, arrival } of fresh) {
    const known = latest.get(conversationId) ?? arrival
    latest.set(conversationId, writtenAt(arrival) < writtenAt(known) ? known : arrival)
  }
  const written = newest.map(({ conversationId }) => latest.get(conversationId) as Arrival)
  await transaction.rows(ADVANCE, [
    newest.map(({ conversationId }) => conversationId),
    written.map(({ message }) => message.service),
    written.map(({ message }) => message.carrierConversation),
    written.map(writtenAt),
    newest.map(({ arrival }) => seen.get(keyOf(arrival))?.at(-1)),
    newest.map(({ arrival }) => arrival.receivedAt),
  ])
}

function toAsked(
  { arrival, owner: { account, timing }, conversationId }: Fresh,
  seen: ReadonlyMap<string, readonly MessageId[]>,
): Asked & { arrival: Arrival } {
  const { lineId, receivedAt: at } = arrival
  const readUpTo = seen.get(keyOf(arrival))?.at(-1) ?? null
  const request = { trigger: 'auto', readUpTo, at, dueAt: dueAt(timing, at, Math.random()) } as const
  return { arrival, accountId: account.id, lineId, conversationId, request }
}

function toPieces({ arrival, owner, conversationId, reasons }: Fresh): Piece[] {
  return arrival.message.parts.map((_, part) => {
    return { arrival, owner, conversationId, part, reason: reasons[part] ?? null }
  })
}

function keyOf({ lineId, message }: Arrival): string {
  return `${lineId} ${message.carrierMessageId}`
}

async function findOwners(transaction: Transaction, arrivals: readonly Arrival[]): Promise<Map<LineId, Owner>> {
  const rows = await transaction.rows<OwnerRow>(FIND_OWNERS, [[...new Set(arrivals.map(({ lineId }) => lineId))]])
  return new Map(
    rows.map((row) => {
      const account = toAccount(row)
      const timing = row.line_timing === null ? account.autoTiming : JSON.parse(row.line_timing)
      return [row.line_id, { account, number: row.line_number, timing }]
    }),
  )
}

type OwnerRow = Parameters<typeof toAccount>[0] & {
  readonly line_id: LineId
  readonly line_number: PhoneNumber
  readonly line_timing: string | null
}

interface SeenRow {
  readonly line_id: LineId
  readonly carrier_message_id: string
  readonly message_ids: string
}

const FIND_OWNERS = plannedOnce({
  name: 'find owners',
  text: `select ${ACCOUNT_COLUMNS}, l.id as line_id, l.number as line_number, l.auto_timing as line_timing
    from lines l join accounts a on a.id = l.account_id where l.id = any($1::bigint[]) and l.removed_at is null`,
})
const FIND_SEEN = plannedOnce({
  name: 'find seen inbound',
  text: `select s.line_id, s.carrier_message_id, s.message_ids from unnest($1::bigint[], $2::text[]) as k (line_id, id)
    join seen_inbound s on s.line_id = k.line_id and s.carrier_message_id = k.id`,
})
const SEE: Statement = {
  name: 'see inbound',
  text: `insert into seen_inbound (line_id, carrier_message_id, message_ids, seen_at)
    select * from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])`,
}
const ADVANCE = plannedOnce({
  name: 'advance conversations',
  text: `update conversations c set service = case when k.written_at < c.service_at then c.service else k.service end,
    carrier_conversation = case when k.written_at < c.service_at then c.carrier_conversation else k.carrier_conversation end,
    service_at = greatest(k.written_at, c.service_at), last_message_id = k.last_message_id, active_at = k.at
    from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
      as k (id, service, carrier_conversation, written_at, last_message_id, at) where c.id = k.id`,
})
