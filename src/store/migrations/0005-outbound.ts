import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** What lines send stands beside what contacts write: one table of messages, one order. */
export function outbound({ integer }: Engine): Migration {
  return {
    async up(db: Kysely<unknown>) {
      const messages = db.schema.alterTable('messages')
      await messages.addColumn('outbound', integer, (c) => c.notNull().defaultTo(0)).execute()
      await messages.addColumn('status', 'text', (c) => c.notNull().defaultTo('RECEIVED')).execute()
      await messages.addColumn('reason', 'text').execute()
      await messages.addColumn('send_style', 'text').execute()
      await messages.addColumn('status_callback', 'text').execute()
      await messages.addColumn('attempts', integer, (c) => c.notNull().defaultTo(0)).execute()
      await messages.addColumn('next_attempt_at', integer).execute()
      await messages.addColumn('expires_at', integer).execute()
      await messages.addColumn('read_at', integer).execute()
      await messages.addColumn('updated_at', integer, (c) => c.notNull().defaultTo(0)).execute()
      await sql`update messages set updated_at = received_at`.execute(db)
      // A line's messages on their way out, longest due first.
      await sql`create index message_lanes on messages (line_id, next_attempt_at) where next_attempt_at is not null`.execute(
        db,
      )
      // A line's own message, by the carrier's id: its status comes by that.
      await sql`create index outbound_messages on messages (line_id, carrier_message_id) where outbound = 1`.execute(db)
      // An account's list, newest first, and what changed since.
      await sql`create index account_messages on messages (account_id, id)`.execute(db)
      await sql`create index changed_messages on messages (account_id, updated_at)`.execute(db)
    },
  }
}
