import type { ConversationKind } from '../../core/conversation.ts'
import type { AccountId, ConversationId, LineId, MessageId } from '../../core/id.ts'
import type { Address } from '../../core/phone-number.ts'
import { plannedOnce, type Statement, type Transaction } from './transactions.ts'

/** What names a conversation, and whose it is. */
export interface Place {
  readonly accountId: AccountId
  readonly lineId: LineId
  readonly kind: ConversationKind
  readonly address: Address
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

/**
 * The conversations at these places, opened where there is none yet; one for each place, in order. `lock` keeps other nodes from
 * storing into them until the transaction ends, so that the messages of one conversation get their ids in order.
 */
export async function openConversations(
  transaction: Transaction,
  places: readonly Place[],
  { lock }: { lock: boolean },
): Promise<OpenedConversation[]> {
  const byKey = new Map(places.map((place) => [keyOf(place.lineId, place.kind, place.address), place]))
  const find = lock ? LOCK : FIND
  const found = new Map<string, OpenedConversation>()
  const note = (rows: readonly Found[]) => {
    for (const { id, line_id, kind, address, last_message_id } of rows) {
      found.set(keyOf(line_id, kind, address), { id, lastMessageId: last_message_id })
    }
  }
  note(await transaction.rows<Found>(find, valuesOf([...byKey.values()])))
  const missing = [...byKey].filter(([key]) => !found.has(key)).map(([, place]) => place)
  if (missing.length > 0) {
    const [accounts, times] = [missing.map(({ accountId }) => accountId), missing.map(({ at }) => at)]
    note(await transaction.rows<Found>(OPEN, [accounts, ...valuesOf(missing), times]))
    // Those that another node opened meanwhile.
    const others = missing.filter(({ lineId, kind, address }) => !found.has(keyOf(lineId, kind, address)))
    if (others.length > 0) note(await transaction.rows<Found>(find, valuesOf(others)))
  }
  return places.map(({ lineId, kind, address }) => found.get(keyOf(lineId, kind, address)) as OpenedConversation)
}

function keyOf(lineId: LineId, kind: ConversationKind, address: Address): string {
  return `${lineId} ${kind} ${address}`
}

function valuesOf(places: readonly Place[]): unknown[] {
  return [places.map(({ lineId }) => lineId), places.map(({ address }) => address), places.map(({ kind }) => kind)]
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
