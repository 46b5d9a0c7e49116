import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** Who is signed in, and what makes a million conversations quick to look at. */
export function dashboard({ integer, comparesBytes }: Engine): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('sessions')
        .addColumn('token_hash', 'text', (c) => c.primaryKey())
        .addColumn('key_id', 'text')
        .addColumn('operator_hash', 'text')
        .addColumn('created_at', integer, (c) => c.notNull())
        .addColumn('expires_at', integer, (c) => c.notNull())
        .execute()
      await db.schema
        .createTable('receipt_minutes')
        .addColumn('account_id', integer, (c) => c.notNull())
        .addColumn('minute', integer, (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('bucket', integer, (c) => c.notNull())
        .addColumn('receipts', integer, (c) => c.notNull())
        .addPrimaryKeyConstraint('receipt_minutes_key', ['account_id', 'minute', 'state', 'bucket'])
        .execute()
      const activeAt = db.schema
        .alterTable('conversations')
        .addColumn('active_at', integer, (c) => c.notNull().defaultTo(0))
      await activeAt.execute()
      await sql`update conversations set active_at =
        coalesce((select received_at from messages where messages.id = conversations.last_message_id), 0)`.execute(db)
      if (!comparesBytes) {
        await sql`alter table conversations alter column address type text collate "C"`.execute(db)
      }
      // An account's conversations, the last that anything happened in first.
      await sql`create index active_conversations on conversations (account_id, active_at, id)`.execute(db)
      await db.schema.alterTable('events').addColumn('subject', integer).execute()
      // The newest of an account's events of a type.
      await sql`create index account_events on events (account_id, type, id)`.execute(db)
      // What was told of a message or a receipt, and to whom. Both grow at their ends.
      await sql`create index event_subjects on events (type, subject)`.execute(db)
      await sql`create index event_deliveries on webhook_deliveries (event_id)`.execute(db)
      // What the phones of a conversation show.
      await sql`create index handset_conversations on handset_messages (line_id, conversation_address, kind, id)`.execute(
        db,
      )
    },
  }
}
