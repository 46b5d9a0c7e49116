import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** Lines write, and their contacts' phones show it. */
export function sending({ integer }: Engine): Migration {
  return {
    async up(db: Kysely<unknown>) {
      // A line's messages go in order of their acceptance, whenever each of them is due.
      await sql`create index message_queue on messages (line_id, id) where next_attempt_at is not null`.execute(db)
      // Those whose call is under way.
      await sql`create index messages_under_way on messages (line_id)
        where status = 'QUEUED' and next_attempt_at is null`.execute(db)
      await db.schema
        .createTable('early_news')
        .addColumn('line_id', integer, (c) => c.notNull())
        .addColumn('carrier_message_id', 'text', (c) => c.notNull())
        .addColumn('status', 'text', (c) => c.notNull())
        .addColumn('at', integer, (c) => c.notNull())
        .execute()
      await sql`create index early_news_of_lines on early_news (line_id)`.execute(db)
      const phone = db.schema.alterTable('handset_messages')
      await phone.addColumn('from_line', integer, (c) => c.notNull().defaultTo(0)).execute()
      await phone.addColumn('send_style', 'text').execute()
      await phone.addColumn('delivered_at', integer).execute()
      await db.schema
        .createTable('handset_typing')
        .addColumn('line_id', integer, (c) => c.notNull())
        .addColumn('contact', 'text', (c) => c.notNull())
        .addColumn('until', integer, (c) => c.notNull())
        .addPrimaryKeyConstraint('handset_typing_views', ['line_id', 'contact'])
        .execute()
      // BlueBubbles is to tell of more than it was asked to.
      await sql`update lines set to_enrol = 1 where connector = 'bluebubbles' and removed_at is null`.execute(db)
    },
  }
}
