import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** Who looks after which line, where several processes share the store. */
export function leases({ integer, leasesLines }: Engine): Migration {
  return {
    async up(db: Kysely<unknown>) {
      if (!leasesLines) return
      await db.schema
        .createTable('nodes')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('until', integer, (c) => c.notNull())
        .execute()
      await db.schema
        .createTable('line_leases')
        .addColumn('line_id', integer, (c) => c.primaryKey())
        .addColumn('node', 'text')
        .addColumn('epoch', integer, (c) => c.notNull())
        .addColumn('next_call_at', integer, (c) => c.notNull())
        .execute()
      await db.schema.createIndex('leases_of_nodes').on('line_leases').column('node').execute()
      // What a dead node had claimed.
      await sql`create index receipts_under_way on receipts (line_id)
        where state = 'sending' and settled_at is null and next_attempt_at is null`.execute(db)
    },
  }
}
