import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'

/** Tokens that end by themselves, kept as their hashes. */
export function tokens({ integer, growing }: Engine): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('tokens')
        .addColumn('id', integer, growing)
        .addColumn('account_id', integer, (c) => c.notNull())
        .addColumn('key_id', 'text', (c) => c.notNull())
        .addColumn('token_hash', 'text', (c) => c.notNull().unique())
        .addColumn('numbers', 'text')
        .addColumn('expires_at', integer, (c) => c.notNull())
        .addColumn('created_at', integer, (c) => c.notNull())
        .execute()
      // What goes with its key.
      await sql`create index key_tokens on tokens (key_id)`.execute(db)
      // What is old enough to be forgotten.
      await sql`create index ended_tokens on tokens (expires_at)`.execute(db)
    },
  }
}
