import { type Selectable, sql } from 'kysely'
import type { ShownMessage } from '../core/console.ts'
import type { Conversation } from '../core/conversation.ts'
import {
  HANDSET_LENGTH,
  type HandsetArrival,
  type HandsetDraft,
  type HandsetMessage,
  type SimulatedCarrier,
} from '../core/handset.ts'
import type { LineId, MessageId } from '../core/id.ts'
import type { Address } from '../core/phone-number.ts'
import type { Context } from './context.ts'
import type { Tables } from './tables.ts'

const UNTOUCHED: SimulatedCarrier = { latencyMs: 0, pacePerS: null, failNext: 0, failureRate: 0, offline: false }

export async function writeOnPhone({ db }: Context, draft: HandsetDraft): Promise<void> {
  const written = await db
    .selectFrom('handset_messages')
    .select('id')
    .where('line_id', '=', draft.lineId)
    .where('carrier_message_id', '=', draft.carrierMessageId)
    .limit(1)
    .executeTakeFirst()
  if (written !== undefined) return
  await db
    .insertInto('handset_messages')
    .values(
      draft.parts.map(({ content, mediaUrl }, part) => ({
        line_id: draft.lineId,
        contact: draft.contact,
        kind: draft.kind,
        conversation_address: draft.conversationAddress,
        carrier_message_id: draft.carrierMessageId,
        part,
        content,
        media_url: mediaUrl,
        service: draft.service,
        written_at: draft.writtenAt,
        read_at: null,
        send_style: null,
        delivered_at: null,
      })),
    )
    .execute()
}

export function showPhone(
  context: Context,
  { lineId, contact }: { lineId: LineId; contact: Address },
): Promise<HandsetMessage[]> {
  return handsetOf(context, lineId, (query) => query.where('phone.contact', '=', contact))
}

/** The newest of what a line's phones show, oldest first; `which` says of which. */
export async function handsetOf(
  context: Context,
  lineId: LineId,
  which: (query: HandsetQuery) => HandsetQuery,
): Promise<ShownMessage[]> {
  const rows = await which(phonesOf(context, lineId)).orderBy('phone.id', 'desc').limit(HANDSET_LENGTH).execute()
  return rows.reverse().map((row) => ({
    fromLine: row.from_line === 1,
    sendStyle: row.send_style,
    messageId:
      row.message_ids === null ? row.sent_id : ((JSON.parse(row.message_ids) as MessageId[])[row.part] ?? null),
    contact: row.contact,
    part: row.part,
    content: row.content,
    mediaUrl: row.media_url,
    service: row.service,
    writtenAt: row.written_at,
    deliveredAt: row.from_line === 1 ? row.delivered_at : row.seen_at,
    readAt: row.read_at,
  }))
}

type HandsetQuery = ReturnType<typeof phonesOf>

function phonesOf({ db }: Context, lineId: LineId) {
  return db
    .selectFrom('handset_messages as phone')
    .leftJoin('seen_inbound as seen', (join) =>
      join
        .onRef('seen.line_id', '=', 'phone.line_id')
        .onRef('seen.carrier_message_id', '=', 'phone.carrier_message_id'),
    )
    .leftJoin('messages as sent', (join) =>
      join
        .onRef('sent.line_id', '=', 'phone.line_id')
        .onRef('sent.carrier_message_id', '=', 'phone.carrier_message_id')
        .on('sent.outbound', '=', sql.lit(1)),
    )
    .selectAll('phone')
    .select(['message_ids', 'seen_at', 'sent.id as sent_id'])
    .where('phone.line_id', '=', lineId)
}

export async function showRead(
  { db }: Context,
  { lineId, kind, address, at }: Pick<Conversation, 'lineId' | 'kind' | 'address'> & { at: number },
): Promise<void> {
  await db
    .updateTable('handset_messages')
    .set({ read_at: at })
    .where('line_id', '=', lineId)
    .where('conversation_address', '=', address)
    .where('kind', '=', kind)
    .where('read_at', 'is', null)
    .where('service', '<>', sql.lit('SMS'))
    // What the line has not been given yet, it cannot have read.
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('seen_inbound')
          .select('seen_at')
          .whereRef('seen_inbound.line_id', '=', 'handset_messages.line_id')
          .whereRef('seen_inbound.carrier_message_id', '=', 'handset_messages.carrier_message_id'),
      ),
    )
    .execute()
}

export async function reachPhone({ db }: Context, arrival: HandsetArrival): Promise<void> {
  await db
    .insertInto('handset_messages')
    .values({
      line_id: arrival.lineId,
      contact: arrival.contact,
      kind: 'direct',
      conversation_address: arrival.contact,
      carrier_message_id: arrival.carrierMessageId,
      part: 0,
      content: arrival.content,
      media_url: arrival.mediaUrl,
      service: arrival.service,
      written_at: arrival.at,
      read_at: null,
      from_line: 1,
      send_style: arrival.sendStyle,
      delivered_at: arrival.at,
    })
    .execute()
  await showTyping({ db }, { lineId: arrival.lineId, contact: arrival.contact, until: arrival.at })
}

export async function contactReads(
  { db }: Context,
  { lineId, contact, at }: { lineId: LineId; contact: Address; at: number },
): Promise<void> {
  await db
    .updateTable('handset_messages')
    .set({ read_at: at })
    .where('line_id', '=', lineId)
    .where('contact', '=', contact)
    .where('from_line', '=', 1)
    .where('read_at', 'is', null)
    .where('service', '<>', sql.lit('SMS'))
    .execute()
}

export async function showTyping(
  { db }: Pick<Context, 'db'>,
  view: { lineId: LineId; contact: Address; until: number },
): Promise<void> {
  const { lineId, contact, until } = view
  await db
    .insertInto('handset_typing')
    .values({ line_id: lineId, contact, until })
    .onConflict((conflict) => conflict.columns(['line_id', 'contact']).doUpdateSet({ until }))
    .execute()
}

export async function typingUntil(
  { db }: Context,
  { lineId, contact }: { lineId: LineId; contact: Address },
): Promise<number | null> {
  const row = await db
    .selectFrom('handset_typing')
    .select('until')
    .where('line_id', '=', lineId)
    .where('contact', '=', contact)
    .executeTakeFirst()
  return row?.until ?? null
}

export async function simulatedCarrier({ db }: Context, lineId: LineId): Promise<SimulatedCarrier> {
  const row = await db.selectFrom('simulated_carriers').selectAll().where('line_id', '=', lineId).executeTakeFirst()
  return toCarrier(row)
}

export async function turnKnobs(
  context: Context,
  { lineId, knobs }: { lineId: LineId; knobs: Partial<SimulatedCarrier> },
): Promise<SimulatedCarrier> {
  const tuned = { ...(await simulatedCarrier(context, lineId)), ...knobs }
  const row = {
    latency_ms: tuned.latencyMs,
    pace_per_s: tuned.pacePerS,
    fail_next: tuned.failNext,
    failure_rate: tuned.failureRate,
    offline: tuned.offline ? (1 as const) : (0 as const),
  }
  const kept = await context.db
    .insertInto('simulated_carriers')
    .values({ line_id: lineId, ...row })
    .onConflict((conflict) => conflict.column('line_id').doUpdateSet(row))
    .returningAll()
    .executeTakeFirst()
  // PostgreSQL has rounded what it keeps in four bytes.
  return toCarrier(kept)
}

export async function takeFailure({ db }: Context, lineId: LineId): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('simulated_carriers')
    .set((eb) => ({ fail_next: eb('fail_next', '-', 1) }))
    .where('line_id', '=', lineId)
    .where('fail_next', '>', 0)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export type CarrierRow = Selectable<Tables['simulated_carriers']>

/** Of a line whose knobs nobody has touched there is no row. */
export function toCarrier(row: CarrierRow | undefined): SimulatedCarrier {
  if (row === undefined) return UNTOUCHED
  return {
    latencyMs: row.latency_ms,
    pacePerS: row.pace_per_s,
    failNext: row.fail_next,
    failureRate: row.failure_rate,
    offline: row.offline === 1,
  }
}
