import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export function replies(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      // The conversation that the account wrote in, by the carrier's word for it.
      await sql`create index carrier_conversations on conversations (line_id, carrier_conversation)
        where carrier_conversation is not null`.execute(db)
    },
  }
}
