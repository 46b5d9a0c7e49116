import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Where a carrier was told to call: when the server is reached elsewhere, it has to be told again. */
export function inboundBase(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('lines').addColumn('inbound_base', 'text').execute()
      await sql`update lines set to_enrol = 1 where connector = 'bluebubbles' and removed_at is null`.execute(db)
    },
  }
}
