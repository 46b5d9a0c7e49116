import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** A call that was sent before its endpoint was enabled says nothing of the endpoint as it is since. */
export function enabled({ integer }: Engine): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('webhooks').addColumn('enabled_at', integer).execute()
    },
  }
}
