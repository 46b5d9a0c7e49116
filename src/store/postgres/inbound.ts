import { type AutoReason, autoMarkRead } from '../../core/auto-mark-read.ts'
import { dueAt } from '../../core/auto-timing.ts'
import type { ReadbackError } from '../../core/errors.ts'
import type { ConversationId, LineId, MessageId } from '../../core/id.ts'
import { type Arrival, type StoredInbound, writtenAt } from '../../core/inbound-message.ts'
import { ACCOUNT_COLUMNS } from '../accounts.ts'
import { arrivalTold, asKnown, type Owner, type OwnerRow, toOwner } from '../arrivals.ts'
import type { StoreRules } from '../context.ts'
import { noSuchLine } from '../lines.ts'
import { outcomeOf } from './batches.ts'
import { findConversations, type Name, nameOf, openConversations } from './conversations.ts'
import { findWebhooks, type ToBeTold } from './events.ts'
import { insertMessages, type Piece } from './messages.ts'
import { type Asked, lockQueued, requestReceipts } from './receipt-requests.ts'
import type { Done } from './telling.ts'
import { plannedOnce, type Statement, type Transaction } from './transactions.ts'

/** An arrival that nobody has brought before. */
interface Fresh {
  readonly arrival: Arrival
  readonly owner: Owner
  readonly conversationId: ConversationId
  /** For each part, why the auto rule did not fire. */
  readonly reasons: readonly (AutoReason | null)[]
}

/**
 * Stores what arrived in a batch of calls, and the auto rule's decision with it, on PostgreSQL. What needs nothing of each other goes out
 * together: two round trips, one more for receipts that are queued anew, and the one that commits. Answers each call, or refuses it.
 */
export async function storeArrivals(
  transaction: Transaction,
  calls: readonly (readonly Arrival[])[],
  rules: StoreRules,
): Promise<Done<readonly (StoredInbound[] | ReadbackError)[]>> {
  const { seen, fresh, owners, known } = await sift(transaction, calls, rules)
  const pieces = fresh.flatMap(toPieces)
  const wanted = fresh.filter(({ reasons }) => reasons.includes(null))
  const conversations = wanted.map(({ conversationId }) => conversationId)
  const [ids, queued, webhooks] = await Promise.all([
    insertMessages(transaction, pieces),
    lockQueued(transaction, conversations),
    findWebhooks(transaction, fresh.map(toBeTold)),
  ])
  const left = ids.values()
  for (const { arrival } of fresh) seen.set(keyOf(arrival), [...left.take(arrival.message.parts.length)])
  remember(transaction, fresh, seen)
  const asked = wanted.map((one) => toAsked(one, seen))
  const { ids: receiptIds } = await requestReceipts(transaction, asked, rules.receiptLifetimeMs, queued)
  const receiptOf = new Map(asked.map(({ arrival }, index) => [arrival, receiptIds[index] ?? null]))
  const freshArrivals = new Set(fresh.map(({ arrival }) => arrival))
  const answer = known.map((arrivals) => {
    if (hasNoLine(arrivals, owners)) return outcomeOf(noSuchLine)
    return arrivals.map((arrival): StoredInbound => {
      const messageIds = seen.get(keyOf(arrival)) ?? []
      return { messageIds, repeated: !freshArrivals.has(arrival), receiptId: receiptOf.get(arrival) ?? null }
    })
  })
  const told = pieces.map(({ arrival, owner, part }, index) =>
    arrivalTold(arrival, owner, ids[index] as MessageId, part),
  )
  return { answer, told, webhooks }
}

interface Sifted {
  /** The calls, each conversation by the name that it has here. */
  readonly known: readonly (readonly Arrival[])[]
  readonly owners: ReadonlyMap<LineId, Owner>
  /** The messages that were brought before. */
  readonly seen: Map<string, readonly MessageId[]>
  readonly fresh: readonly Fresh[]
}

/**
 * Parts what is new from what was brought before. Under the conversations' locks: a repeat that another node stores at this moment
 * is seen once that node is done; or, where that opens the conversation, when ours is to be remembered: then all is begun again.
 */
async function sift(
  transaction: Transaction,
  calls: readonly (readonly Arrival[])[],
  rules: StoreRules,
): Promise<Sifted> {
  const brought = calls.flat()
  const [owners, found, seen] = await Promise.all([
    findOwners(transaction, brought),
    findConversations(transaction, brought.flatMap(toNames), { lock: true }),
    findSeen(transaction, brought),
  ])
  const known = calls.map((call) =>
    call.map((arrival) => asKnown(arrival, (address) => found.has(nameOf({ ...toName(arrival), address })))),
  )
  const taken = new Set(seen.keys())
  // One that came before opens no conversation, whatever it comes with.
  const arrivals = known
    .filter((call) => !hasNoLine(call, owners))
    .flat()
    .filter((arrival) => !taken.has(keyOf(arrival)) && taken.add(keyOf(arrival)))
  const ownerOf = ({ lineId }: Arrival) => owners.get(lineId) as Owner
  const places = arrivals.map((arrival) => {
    return { ...toName(arrival), accountId: ownerOf(arrival).account.id, at: arrival.receivedAt }
  })
  const conversations = await openConversations(transaction, places, { lock: true, known: found })
  const fresh = arrivals.map((arrival, index): Fresh => {
    const owner = ownerOf(arrival)
    const { service, kind, sentAt, parts } = arrival.message
    const subject = { service, kind, sentAt, carrierNow: arrival.carrierNow }
    const reasons = parts.map((_, part) => autoMarkRead(owner.account, { ...subject, part }, rules.auto))
    return { arrival, owner, conversationId: conversations[index]?.id as ConversationId, reasons }
  })
  return { known, owners, seen, fresh }
}

function hasNoLine(arrivals: readonly Arrival[], owners: Sifted['owners']): boolean {
  return arrivals.some(({ lineId }) => !owners.has(lineId))
}

/** What recognises them when they come again, and the conversations' newest. */
function remember(
  transaction: Transaction,
  fresh: readonly Fresh[],
  seen: ReadonlyMap<string, readonly MessageId[]>,
): void {
  if (fresh.length === 0) return
  transaction.write(SEE, [
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
  transaction.write(ADVANCE, [
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

function toName({ lineId, message: { kind, conversationAddress: address } }: Arrival): Name {
  return { lineId, kind, address }
}

function toNames(arrival: Arrival): Name[] {
  const { conversationAddress, formerAddresses = [] } = arrival.message
  return [conversationAddress, ...formerAddresses].map((address) => ({ ...toName(arrival), address }))
}

function toBeTold({ owner }: Fresh): ToBeTold {
  return { accountId: owner.account.id, event: { type: 'message.received' }, callback: null }
}

function keyOf({ lineId, message }: Arrival): string {
  return `${lineId} ${message.carrierMessageId}`
}

async function findSeen(transaction: Transaction, arrivals: readonly Arrival[]): Promise<Sifted['seen']> {
  const rows = await transaction.rows<SeenRow>(FIND_SEEN, [
    arrivals.map(({ lineId }) => lineId),
    arrivals.map(({ message }) => message.carrierMessageId),
  ])
  return new Map(rows.map((row) => [`${row.line_id} ${row.carrier_message_id}`, JSON.parse(row.message_ids)]))
}

async function findOwners(transaction: Transaction, arrivals: readonly Arrival[]): Promise<Map<LineId, Owner>> {
  const lineIds = [...new Set(arrivals.map(({ lineId }) => lineId))]
  const rows = await transaction.rows<OwnerRow & { readonly line_id: LineId }>(FIND_OWNERS, [lineIds])
  return new Map(rows.map((row) => [row.line_id, toOwner(row)]))
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
