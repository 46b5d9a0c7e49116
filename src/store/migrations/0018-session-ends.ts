import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Each sign-in forgets those that ended. */
export function sessionEnds(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await sql`create index session_ends on sessions (expires_at)`.execute(db)
    },
  }
}
