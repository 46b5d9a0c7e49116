import type { ConversationId, EventId, MessageId, ReceiptId } from '../../core/id.ts'
import type { MarkReadCall } from '../../core/mark-read.ts'
import type { QueuedReceipt } from '../../core/request-receipt.ts'
import type { KeyAdmissionRow } from './admissions.ts'
import { IS_QUEUED } from './receipt-requests.ts'
import { MIGRATION_LOCK, plannedOnce, type Transaction } from './transactions.ts'

/** A queued receipt as its row has it. */
export interface ReceiptVersion extends QueuedReceipt {
  readonly id: ReceiptId
  /** Whoever writes the row gives it another. */
  readonly version: number
}

/** What is where a call points. */
export interface FoundPlace {
  readonly conversationId: ConversationId
  readonly lastMessageId: MessageId | null
  /** Undefined where nothing is queued. */
  readonly before: ReceiptVersion | undefined
  /** By what was remembered, not by what this transaction sees. */
  readonly recalled?: true | undefined
}

/** By the numbers of the calls in their order, before it is known who makes them. Undefined where there is no conversation yet. */
export async function findPlaces(
  transaction: Transaction,
  calls: readonly Pick<MarkReadCall, 'fromNumber' | 'number'>[],
): Promise<(FoundPlace | undefined)[]> {
  const places = calls.map((): FoundPlace | undefined => undefined)
  const [columns] = await transaction.rows<Columns>(FIND_PLACES, [
    calls.map(({ fromNumber }) => fromNumber),
    calls.map(({ number }) => number),
  ])
  if (columns === undefined || columns.triggers === null) return places
  // With one row there are all.
  const at = columns as { readonly [Column in keyof Columns]: NonNullable<Columns[Column]> }
  at.triggers.split(' ').forEach((trigger, row) => {
    const id = at.id[row]
    const before = {
      id: id as ReceiptId,
      version: at.version[row] as number,
      trigger: trigger as QueuedReceipt['trigger'],
      requests: at.requests[row] as number,
      readUpTo: at.read_up_to[row] as MessageId | null,
      nextAttemptAt: at.next_attempt_at[row] as number | null,
      expiresAt: at.expires_at[row] as number,
    }
    places[(at.place[row] as number) - 1] = {
      conversationId: at.conversation_id[row] as ConversationId,
      lastMessageId: at.last_message_id[row] as MessageId | null,
      before: id === null ? undefined : before,
    }
  })
  return places
}

/** All rows as one: to take a row apart costs the driver more than all the numbers in it. */
type Columns = Readonly<
  Record<
    | ('place' | 'conversation_id' | 'last_message_id')
    | ('id' | 'version' | 'requests' | 'read_up_to' | 'next_attempt_at' | 'expires_at'),
    readonly (number | null)[] | null
  >
> & {
  /** Parted by blanks. */
  readonly triggers: string | null
}

/**
 * `offset 0`: whatever the planner believes of tables that it has not counted yet, it goes from the numbers to the receipts. Left to
 * itself it began with all that is queued.
 */
const FIND_PLACES = plannedOnce({
  name: 'find places',
  text: `select array_agg(k.place) as place, array_agg(c.id) as conversation_id, array_agg(c.last_message_id) as last_message_id,
      array_agg(r.id) as id, array_agg(r.xmin::text::bigint) as version, string_agg(coalesce(r.trigger, ''), ' ') as triggers,
      array_agg(r.requests) as requests, array_agg(r.read_up_to) as read_up_to,
      array_agg(r.next_attempt_at) as next_attempt_at, array_agg(r.expires_at) as expires_at
    from unnest($1::text[], $2::text[]) with ordinality as k (from_number, address, place)
    cross join lateral (select id from lines l where l.number = k.from_number and l.removed_at is null offset 0) l
    cross join lateral (select id, last_message_id from conversations c
      where c.line_id = l.id and c.address = k.address and c.kind = 'direct' offset 0) c
    left join lateral (select r.*, r.xmin from receipts r where r.conversation_id = c.id and ${IS_QUEUED} offset 0) r on true`,
})

/** A join that core has decided by what a receipt was. */
export interface Join extends Omit<FoundPlace, 'before'> {
  readonly before: ReceiptVersion
  readonly next: QueuedReceipt
}

/** The values of {@link JOIN_UNCHANGED}. */
export function joining(
  joins: readonly Join[],
  admissions: readonly KeyAdmissionRow[],
  heard: EventId | undefined,
): unknown[] {
  return [
    joins.map(({ before }) => before.id),
    joins.map(({ before }) => before.version),
    joins.map(({ recalled, conversationId }) => (recalled ? conversationId : null)),
    joins.map(({ next }) => next.requests),
    joins.map(({ next }) => next.readUpTo),
    joins.map(({ next }) => next.nextAttemptAt),
    joins.map(({ next }) => next.expiresAt),
    admissions.map(({ word }) => word),
    admissions.map(({ id }) => id),
    admissions.map((admission) => admission.account_version),
    admissions.map((admission) => admission.line_id),
    heard,
  ]
}

/** What {@link JOIN_UNCHANGED} answers. */
export interface JoinedRow {
  /** Null for none. */
  readonly ids: readonly ReceiptId[] | null
  readonly version: number
  /** The newest event; null where too much was told to look through, or nobody can know what was. */
  readonly heard: EventId | null
  /** Where somebody has written, as calls name it. Null for nowhere. */
  readonly news: readonly string[] | null
}

/** Through so many events a batch looks for what was written, and through all of what was remembered if there are more. */
export const MOST_TOLD = 1_000

/**
 * Joins each receipt that is as it was when core decided, in a conversation where nobody has written since; and none at all where an
 * admission is not as it was: keys and lines go, and accounts change. A row's `xmin` is the transaction that wrote it
 * (https://www.postgresql.org/docs/15/ddl-system-columns.html).
 *
 * Who has written is asked of the events, once for all: to look at each conversation costs 2 µs a call in a small store and 6 in one of
 * two million. Events are committed in their order, and forgotten in it: none is missing after one that is there.
 *
 * It may be a transaction by itself, and then has the lock that keeps migrations out by naming its table: before any other, where it is
 * parsed and where it is carried out.
 */
export const JOIN_UNCHANGED = plannedOnce({
  name: 'join unchanged receipts',
  text: `with migrations as (select id from ${MIGRATION_LOCK} where id = ''),
  told as materialized (select id, type, subject from events where id >= $12::bigint order by id limit ${MOST_TOLD}),
  hearing as materialized (select count(*) < ${MOST_TOLD} and min(id) = $12::bigint as complete, max(id) as newest from told),
  news as materialized (select c.id, l.number || ' ' || c.address as place from told
    cross join lateral (select conversation_id from messages where id = told.subject offset 0) m
    cross join lateral (select id, line_id, address, kind from conversations where id = m.conversation_id offset 0) c
    join lines l on l.id = c.line_id
    where told.type = 'message.received' and c.kind = 'direct' and told.id > $12::bigint),
  joined as (
    update receipts r set requests = k.requests, read_up_to = k.read_up_to, next_attempt_at = k.next_attempt_at,
      expires_at = k.expires_at
    from unnest($1::bigint[], $2::xid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
      as k (id, version, recalled, requests, read_up_to, next_attempt_at, expires_at)
    where r.id = k.id and r.xmin = k.version
      and (k.recalled is null or (select complete from hearing) and k.recalled not in (select id from news))
      and cardinality($8::text[]) = (
        select count(*) from unnest($8::text[], $9::bigint[], $10::xid[], $11::bigint[])
          as e (word, account_id, account_version, line_id)
        join api_keys s on s.key_id = e.word
        join accounts a on a.id = e.account_id and a.xmin = e.account_version
        join lines l on l.id = e.line_id and l.removed_at is null)
    returning r.id)
  select (select array_agg(id) from joined) as ids, pg_current_xact_id()::xid::text::bigint as version,
    case when complete then newest end as heard, (select array_agg(place) from news) as news
  from hearing left join migrations on true`,
})
