import type { Selectable } from 'kysely'
import type { AccountEvent, EventLog, RecordedEvent } from '../core/account-event.ts'
import type { AccountId, EventId, LineId } from '../core/id.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import type { Endpoint } from '../core/webhook.ts'
import type { Context } from './context.ts'
import type { Tables } from './tables.ts'

/** What an event is about. */
export interface EventSubject {
  readonly accountId: AccountId
  readonly lineId: LineId
  readonly number: PhoneNumber
}

/** An event for the engine to record in the same transaction. */
export interface Told extends EventSubject {
  readonly event: AccountEvent
  /** The message's own `status_callback`. */
  readonly callback: string | null
  readonly at: number
}

/** What a query answers, and what there is to tell of it. */
export interface Answered<A> {
  readonly answer: A
  readonly told: readonly Told[]
}

/** What a query answers, and the endpoints whose lanes have something to do by it. */
export interface Nudging<A> {
  readonly answer: A
  readonly endpoints: readonly Endpoint[]
}

/** What is looked up by itself later. */
export function subjectOf(event: AccountEvent): number | null {
  if ('message' in event) return event.message.id
  return 'receipt' in event ? event.receipt.id : null
}

export async function listEvents(
  { db }: Context,
  { after, limit }: Parameters<EventLog['listEvents']>[0],
): Promise<RecordedEvent[]> {
  const rows = await db.selectFrom('events').selectAll().where('id', '>', after).orderBy('id').limit(limit).execute()
  return rows.map(toRecorded)
}

/** 0 where there is none. */
export async function newestEventId({ db }: Pick<Context, 'db'>): Promise<EventId> {
  const newest = await db
    .selectFrom('events')
    .select((eb) => eb.fn.max('id').as('id'))
    .executeTakeFirst()
  return newest?.id ?? (0 as EventId)
}

function toRecorded({ id, account_id, line_id, event, at }: Selectable<Tables['events']>): RecordedEvent {
  return { id, accountId: account_id, lineId: line_id, at, event: JSON.parse(event) }
}
