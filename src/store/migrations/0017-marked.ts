import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** Where a carrier took some of a receipt's messages, the next try is about the others. */
export function marked({ integer }: Engine): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('messages').addColumn('marked', integer).execute()
    },
  }
}
