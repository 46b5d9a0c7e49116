import type { ConversationKind } from '../../core/conversation.ts'
import type { AccountId, ConversationId, LineId, MessageId } from '../../core/id.ts'
import type { Address } from '../../core/phone-number.ts'
import { plannedOnce, type Statement, type Transaction } from './transactions.ts'

/** What names a conversation. */
export interface Name {
  readonly lineId: LineId
  readonly kind: ConversationKind
  readonly address: Address
}

/** A conversation's name, and whose it is. */
export interface Place extends Name {
  readonly accountId: AccountId
  /** When somebody writes in it, or asks for it. */
  readonly at: number
}

interface Found {
  readonly id: ConversationId
  readonly line_id: LineId
  readonly kind: ConversationKind
  readonly address: Address
  readonly last_message_id: MessageId | null
}

export interface OpenedConversation {
  readonly id: ConversationId
  readonly lastMessageId: MessageId | null
}

/** By their names. */
export type Conversations = ReadonlyMap<string, OpenedConversation>

/**
 * Those that there are. `lock` keeps other nodes from storing into them until the transaction ends, so that the messages of one
 * conversation get their ids in order.
 */
export async function findConversations(
  transaction: Transaction,
  names: readonly Name[],
  { lock }: { lock: boolean },
): Promise<Conversations> {
  const distinct = [...new Map(names.map((name) => [nameOf(name), name])).values()]
  return byKey(await transaction.rows<Found>(lock ? LOCK : FIND, valuesOf(distinct)))
}

/** The conversations at these places, opened where `known` has none; one for each place, in order. What is opened is locked. */
export async function openConversations(
  transaction: Transaction,
  places: readonly Place[],
  { lock, known }: { lock: boolean; known?: Conversations },
): Promise<OpenedConversation[]> {
  const found = new Map(known ?? (await findConversations(transaction, places, { lock })))
  const note = (more: Conversations) => {
    for (const [key, conversation] of more) found.set(key, conversation)
  }
  const missing = [...new Map(places.map((place) => [nameOf(place), place]))].flatMap(([key, place]) =>
    found.has(key) ? [] : [place],
  )
  if (missing.length > 0) {
    const [accounts, times] = [missing.map(({ accountId }) => accountId), missing.map(({ at }) => at)]
    note(byKey(await transaction.rows<Found>(OPEN, [accounts, ...valuesOf(missing), times])))
    // Those that another node opened meanwhile.
    const others = missing.filter((place) => !found.has(nameOf(place)))
    if (others.length > 0) note(await findConversations(transaction, others, { lock }))
  }
  return places.map((place) => found.get(nameOf(place)) as OpenedConversation)
}

export function nameOf({ lineId, kind, address }: Name): string {
  return `${lineId} ${kind} ${address}`
}

function byKey(rows: readonly Found[]): Conversations {
  return new Map(
    rows.map(({ id, line_id: lineId, kind, address, last_message_id: lastMessageId }) => [
      nameOf({ lineId, kind, address }),
      { id, lastMessageId },
    ]),
  )
}

function valuesOf(names: readonly Name[]): unknown[] {
  return [names.map(({ lineId }) => lineId), names.map(({ address }) => address), names.map(({ kind }) => kind)]
}

const COLUMNS = 'c.id, c.line_id, c.kind, c.address, c.last_message_id'
const AT_PLACES = `from unnest($1::bigint[], $2::text[], $3::text[]) as k (line_id, address, kind)
  join conversations c on c.line_id = k.line_id and c.address = k.address and c.kind = k.kind`
const FIND = plannedOnce({ name: 'find conversations', text: `select ${COLUMNS} ${AT_PLACES}` })
const LOCK = plannedOnce({
  name: 'lock conversations',
  text: `select ${COLUMNS} ${AT_PLACES} order by c.id for update of c`,
})
const OPEN: Statement = {
  name: 'open conversations',
  text: `insert into conversations as c (account_id, line_id, address, kind, active_at)
    select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[])
      as k (account_id, line_id, address, kind, active_at)
    order by line_id, address, kind
    on conflict (line_id, address, kind) do nothing returning ${COLUMNS}`,
}
