import type { CreateTableBuilder, Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** The tables as `tables.ts` describes them. What each index is for stands beside it. */
export function start(engine: Engine): Migration {
  const { integer } = engine
  // Migrations know no table types: those describe the newest schema, and this one stays as it was.
  return {
    async up(db: Kysely<unknown>) {
      const table = (name: string) => db.schema.createTable(name)
      const owned = (name: string): CreateTableBuilder<string> =>
        table(name)
          .addColumn('id', integer, engine.growing)
          .addColumn('account_id', integer, (c) => c.notNull())
      await table('facts')
        .addColumn('name', 'text', (c) => c.primaryKey())
        .addColumn('value', 'text', (c) => c.notNull())
        .execute()
      await accountTables(owned, table, db, engine)
      await conversationTables(owned, table, db, engine)
      await receiptTable(owned, db, engine)
      if (engine.logsJoins) await joinLogs(table, engine)
      await handsetTables(table, db, engine)
    },
  }
}

type Make = (name: string) => CreateTableBuilder<string>

async function accountTables(owned: Make, table: Make, db: Kysely<unknown>, { integer, growing }: Engine) {
  await table('accounts')
    .addColumn('id', integer, growing)
    .addColumn('email', 'text', (c) => c.notNull())
    .addColumn('plan', 'text', (c) => c.notNull())
    .addColumn('read_receipts_enabled', integer, (c) => c.notNull())
    .addColumn('auto_mark_read', integer, (c) => c.notNull())
    .addColumn('disabled', integer, (c) => c.notNull())
    .addColumn('created_at', integer, (c) => c.notNull())
    .execute()
  await table('api_keys')
    .addColumn('key_id', 'text', (c) => c.primaryKey())
    .addColumn('account_id', integer, (c) => c.notNull())
    .addColumn('secret_hash', 'text', (c) => c.notNull())
    .addColumn('created_at', integer, (c) => c.notNull())
    .execute()
  await owned('lines')
    .addColumn('number', 'text', (c) => c.notNull())
    .addColumn('connector', 'text', (c) => c.notNull())
    .addColumn('settings', 'text', (c) => c.notNull())
    .addColumn('inbound_secret', 'text', (c) => c.notNull())
    .addColumn('inbound_secret_hash', 'text', (c) => c.notNull().unique())
    .addColumn('to_enrol', integer, (c) => c.notNull())
    .addColumn('paused', integer, (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('status_reason', 'text')
    .addColumn('removed_at', integer)
    .addColumn('created_at', integer, (c) => c.notNull())
    .execute()
  // A number is registered once among live lines.
  await sql`create unique index live_lines on lines (number) where removed_at is null`.execute(db)
}

async function conversationTables(owned: Make, table: Make, db: Kysely<unknown>, { integer }: Engine) {
  await owned('conversations')
    .addColumn('line_id', integer, (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('service', 'text')
    .addColumn('carrier_conversation', 'text')
    .addColumn('last_message_id', integer)
    .addColumn('read_through', integer)
    .execute()
  await sql`create unique index conversation_addresses on conversations (line_id, address, kind)`.execute(db)
  await owned('messages')
    .addColumn('line_id', integer, (c) => c.notNull())
    .addColumn('conversation_id', integer, (c) => c.notNull())
    .addColumn('carrier_message_id', 'text', (c) => c.notNull())
    .addColumn('part', integer, (c) => c.notNull())
    .addColumn('contact', 'text', (c) => c.notNull())
    .addColumn('content', 'text')
    .addColumn('media_url', 'text')
    .addColumn('service', 'text', (c) => c.notNull())
    .addColumn('reaction', integer, (c) => c.notNull())
    .addColumn('sent_at', integer, (c) => c.notNull())
    .addColumn('received_at', integer, (c) => c.notNull())
    .addColumn('auto_reason', 'text')
    .execute()
  await table('seen_inbound')
    .addColumn('line_id', integer, (c) => c.notNull())
    .addColumn('carrier_message_id', 'text', (c) => c.notNull())
    .addColumn('message_ids', 'text', (c) => c.notNull())
    .addColumn('seen_at', integer, (c) => c.notNull())
    .addPrimaryKeyConstraint('seen_inbound_key', ['line_id', 'carrier_message_id'])
    .execute()
}

async function receiptTable(owned: Make, db: Kysely<unknown>, { integer }: Engine) {
  await owned('receipts')
    .addColumn('line_id', integer, (c) => c.notNull())
    .addColumn('conversation_id', integer, (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull().defaultTo('queued'))
    .addColumn('trigger', 'text', (c) => c.notNull())
    .addColumn('reason', 'text')
    .addColumn('service', 'text')
    .addColumn('requests', integer, (c) => c.notNull())
    .addColumn('attempts', integer, (c) => c.notNull().defaultTo(0))
    .addColumn('setbacks', integer, (c) => c.notNull().defaultTo(0))
    .addColumn('read_up_to', integer)
    .addColumn('requested_at', integer, (c) => c.notNull())
    .addColumn('next_attempt_at', integer)
    .addColumn('last_attempt_at', integer)
    .addColumn('expires_at', integer, (c) => c.notNull())
    .addColumn('settled_at', integer)
    .addColumn('verified_at', integer)
    .execute()
  // At most one queued and one sending in a conversation.
  await sql`create unique index open_receipts on receipts (conversation_id, state) where settled_at is null`.execute(db)
  // A lane: what waits, longest due first. Joining changes none of its columns.
  await sql`create index receipt_lanes on receipts (line_id, next_attempt_at) where next_attempt_at is not null`.execute(
    db,
  )
  // An account's list, newest first: grows at its end, so a batch touches a page or two.
  await sql`create index account_receipts on receipts (account_id, id)`.execute(db)
  // A conversation's list. Over settled rows alone, so that accepting a call does not pay for a page at a random place.
  await sql`create index settled_receipts on receipts (conversation_id, id) where settled_at is not null`.execute(db)
}

/** Two, so that one can be folded into `receipts` and emptied while the other is filled. */
async function joinLogs(table: Make, { integer }: Engine) {
  for (const name of ['receipt_joins_a', 'receipt_joins_b']) {
    await table(name)
      .addColumn('receipt_id', integer, (c) => c.notNull())
      .addColumn('requests', integer, (c) => c.notNull())
      .addColumn('read_up_to', integer)
      .addColumn('expires_at', integer, (c) => c.notNull())
      .execute()
  }
}

async function handsetTables(table: Make, db: Kysely<unknown>, { integer, growing }: Engine) {
  await table('handset_messages')
    .addColumn('id', integer, growing)
    .addColumn('line_id', integer, (c) => c.notNull())
    .addColumn('contact', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('conversation_address', 'text', (c) => c.notNull())
    .addColumn('carrier_message_id', 'text', (c) => c.notNull())
    .addColumn('part', integer, (c) => c.notNull())
    .addColumn('content', 'text')
    .addColumn('media_url', 'text')
    .addColumn('service', 'text', (c) => c.notNull())
    .addColumn('written_at', integer, (c) => c.notNull())
    .addColumn('read_at', integer)
    .addUniqueConstraint('handset_message_parts', ['line_id', 'carrier_message_id', 'part'])
    .execute()
  await sql`create index handset_screens on handset_messages (line_id, contact, id)`.execute(db)
  await sql`create index handset_unread on handset_messages (line_id, conversation_address, kind)
    where read_at is null and service <> 'SMS'`.execute(db)
  await table('simulated_carriers')
    .addColumn('line_id', integer, (c) => c.primaryKey())
    .addColumn('latency_ms', integer, (c) => c.notNull())
    .addColumn('pace_per_s', 'real')
    .addColumn('fail_next', integer, (c) => c.notNull())
    .addColumn('failure_rate', 'real', (c) => c.notNull())
    .addColumn('offline', integer, (c) => c.notNull())
    .execute()
}
