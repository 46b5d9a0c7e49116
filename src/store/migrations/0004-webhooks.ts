import { type CreateTableBuilder, type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** What accounts are told of, where they want to be called, and every call that was made. */
export function webhooks(engine: Engine): Migration {
  const { integer, growing } = engine
  return {
    async up(db: Kysely<unknown>) {
      const owned = (name: string) =>
        db.schema
          .createTable(name)
          .addColumn('id', integer, growing)
          .addColumn('account_id', integer, (c) => c.notNull())
      const accounts = db.schema.alterTable('accounts')
      await accounts.addColumn('webhook_secret', 'text').execute()
      await accounts.addColumn('webhook_secret_before', 'text').execute()
      await accounts.addColumn('webhook_secret_changed_at', integer).execute()
      await owned('events')
        .addColumn('line_id', integer, (c) => c.notNull())
        .addColumn('type', 'text', (c) => c.notNull())
        .addColumn('event', 'text', (c) => c.notNull())
        .addColumn('at', integer, (c) => c.notNull())
        .execute()
      await endpoints(owned, db, engine)
      await deliveries(owned, db, engine)
    },
  }
}

type Make = (name: string) => CreateTableBuilder<string>

async function endpoints(owned: Make, db: Kysely<unknown>, { integer }: Engine) {
  await owned('webhooks')
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('url', 'text', (c) => c.notNull())
    .addColumn('secret', 'text')
    .addColumn('secret_before', 'text')
    .addColumn('secret_changed_at', integer)
    .addColumn('numbers', 'text')
    .addColumn('disabled', 'text')
    .addColumn('failing_since', integer)
    .addColumn('removed_at', integer)
    .addColumn('created_at', integer, (c) => c.notNull())
    .execute()
  // An endpoint is there once for each type; and what an event looks up.
  await sql`create unique index live_webhooks on webhooks (account_id, type, url) where removed_at is null`.execute(db)
}

async function deliveries(owned: Make, db: Kysely<unknown>, { integer, growing }: Engine) {
  await owned('webhook_deliveries')
    .addColumn('webhook_id', integer, (c) => c.notNull())
    .addColumn('event_id', integer, (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull().defaultTo('waiting'))
    .addColumn('attempts', integer, (c) => c.notNull().defaultTo(0))
    .addColumn('next_attempt_at', integer)
    .addColumn('created_at', integer, (c) => c.notNull())
    .execute()
  // An endpoint's lane: what waits, longest due first.
  await sql`create index delivery_lanes on webhook_deliveries (webhook_id, next_attempt_at)
    where next_attempt_at is not null`.execute(db)
  // An account's list, newest first.
  await sql`create index account_deliveries on webhook_deliveries (account_id, id)`.execute(db)
  await db.schema
    .createTable('webhook_attempts')
    .addColumn('id', integer, growing)
    .addColumn('delivery_id', integer, (c) => c.notNull())
    .addColumn('at', integer, (c) => c.notNull())
    .addColumn('ms', integer, (c) => c.notNull())
    .addColumn('status', integer)
    .addColumn('obstacle', 'text')
    .addColumn('answer', 'text', (c) => c.notNull())
    .execute()
  await sql`create index delivery_attempts on webhook_attempts (delivery_id)`.execute(db)
}
