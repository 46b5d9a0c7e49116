import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** The removed lines whose conversations are still looked through: of all that were ever removed, those of the last minute. */
export function removals(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await sql`create index lines_to_look_through on lines (id)
        where removed_at is not null and (ended_at is null or ended_at < removed_at + 60000)`.execute(db)
    },
  }
}
