import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * What is unread on the phones, by the contact first: beside other indexes that begin with the line PostgreSQL took it for no better than
 * those, of a table with a hundred rows, and kept a plan that goes through all that was ever written on a line.
 */
export function unread(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await sql`drop index handset_unread`.execute(db)
      await sql`create index handset_unread on handset_messages (conversation_address, kind, line_id)
        where read_at is null and service <> 'SMS'`.execute(db)
    },
  }
}
