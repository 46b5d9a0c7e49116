import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** A message that comes late does not turn its conversation back to the service that the contact has left. */
export function serviceTime({ integer }: Engine): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable('conversations').addColumn('service_at', integer).execute()
    },
  }
}
