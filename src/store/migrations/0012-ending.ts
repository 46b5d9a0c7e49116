import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** What nobody will carry any more is ended a piece at a time. */
export function ending({ integer }: Engine): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('webhook_deliveries').addColumn('by_hand', integer).execute()
      const lines = db.schema.alterTable('lines')
      await lines.addColumn('ended_through', 'text').execute()
      await lines.addColumn('ended_at', integer).execute()
    },
  }
}
