import { type Kysely, sql } from 'kysely'
import type { Aged, AgedCall } from '../core/retention.ts'
import { STATUS_CALLBACK } from '../core/webhook.ts'
import type { Context } from './context.ts'
import type { Tables } from './tables.ts'

interface Kind {
  readonly table: keyof Tables
  readonly age: string
  readonly ended: string
  /** Whether an old id may be young. */
  readonly renewed?: true
}

/** Where each kind is, what tells its age, and what of it may go. */
const KINDS: Readonly<Record<Aged, Kind>> = {
  // An attempt's delivery goes by its own age; what is left of one without the other is seen by nobody.
  attempts: { table: 'webhook_attempts', age: 'at', ended: '1 = 1' },
  deliveries: { table: 'webhook_deliveries', age: 'created_at', ended: 'next_attempt_at is null' },
  // One may be sent anew, in a test or by hand, when it is old already.
  events: {
    table: 'events',
    age: 'at',
    ended: '(select 1 from webhook_deliveries d where d.event_id = events.id limit 1) is null',
  },
  receipts: { table: 'receipts', age: 'requested_at', ended: 'settled_at is not null' },
  // A conversation's newest stays: what the account replies is compared with it.
  messages: {
    table: 'messages',
    age: 'received_at',
    ended: `status <> 'QUEUED' and not exists (select 1 from conversations c
      where c.id = messages.conversation_id and c.last_message_id = messages.id)`,
  },
  // A contact may have written it by whatever clock: by ours it came when the line was given it.
  phone: {
    table: 'handset_messages',
    age: `coalesce((select seen_at from seen_inbound seen where seen.line_id = handset_messages.line_id
      and seen.carrier_message_id = handset_messages.carrier_message_id), written_at)`,
    ended: '1 = 1',
  },
  // Those that were removed, and those that a message named: a program that names a new one each time would fill the store.
  endpoints: {
    table: 'webhooks',
    age: 'coalesce(removed_at, created_at)',
    ended: `(removed_at is not null or type = '${STATUS_CALLBACK}') and not exists (select 1 from webhook_deliveries d
      where d.webhook_id = webhooks.id and d.next_attempt_at is not null)`,
    renewed: true,
  },
}

interface Row {
  readonly id: number
  readonly age: number
  readonly ended: 0 | 1
}

/** Ids grow with time, so the old are where a table begins: each step is a piece of the primary key, however large the table. */
export async function forgetOld({ db }: Context, { kind, before, at, after, limit }: AgedCall): Promise<number | null> {
  const { table, renewed = false } = KINDS[kind]
  const rows = await look(db, { kind, after, limit })
  const ids = rows.filter(({ age, ended }) => age < before && ended === 1).map(({ id }) => id)
  if (ids.length > 0) {
    await sql`delete from ${sql.table(table)} where id in (${sql.join(ids)})`.execute(db)
  }
  const goesOn = rows.length === limit && (renewed || rows.every(({ age }) => age < before || age > at))
  return goesOn ? (rows.at(-1)?.id ?? null) : null
}

async function look(db: Kysely<Tables>, { kind, after, limit }: Omit<AgedCall, 'before' | 'at'>): Promise<Row[]> {
  const { table, age, ended } = KINDS[kind]
  const { rows } =
    await sql<Row>`select id, ${sql.raw(age)} as age, case when ${sql.raw(ended)} then 1 else 0 end as ended
    from ${sql.table(table)} where id > ${after} order by id limit ${limit}`.execute(db)
  return rows
}
