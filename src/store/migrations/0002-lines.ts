import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** How far a line's messages were fetched, what came of its receipts, and when the auto rule's receipts go. */
export function lines({ integer }: Engine): Migration {
  return {
    async up(db: Kysely<unknown>) {
      const lines = db.schema.alterTable('lines')
      await lines.addColumn('unverified', integer, (c) => c.notNull().defaultTo(0)).execute()
      await lines.addColumn('status_since', integer).execute()
      await lines.addColumn('catch_up_cursor', 'text').execute()
      await lines.addColumn('auto_timing', 'text').execute()

      await db.schema
        .alterTable('accounts')
        .addColumn('auto_timing', 'text', (c) => c.notNull().defaultTo(ON_ARRIVAL))
        .execute()
      // A conversation's messages in order: what a receipt for single messages marks.
      await sql`create index conversation_messages on messages (conversation_id, id)`.execute(db)
      // What is old enough to be forgotten.
      await sql`create index seen_inbound_age on seen_inbound (seen_at)`.execute(db)
    },
  }
}

const ON_ARRIVAL = '{"mode":"on_arrival"}'
