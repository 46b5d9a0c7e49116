import { setTimeout as pause } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { DEFAULT_MIGRATION_TABLE } from 'kysely/migration'
import { ReadbackError } from '../../core/errors.ts'
import { POSTGRES } from '../engine.ts'
import { migrate, whoseMigrations } from '../migrations/index.ts'
import type { Tables } from '../tables.ts'
import { gaveWay, openPatientPool, toKysely } from './connection.ts'
import { MIGRATION_LOCK } from './transactions.ts'

/**
 * So long a migration waits for a table. Whoever comes for the table meanwhile waits behind it, and for those that it has already;
 * and it is less than PostgreSQL's `deadlock_timeout`, so that the migration gives way, and no call of a node's.
 */
const LOCK_TIMEOUT_MS = 300
/** Until it tries again; by chance, so as not to keep step with anything. */
const PAUSE_MS = 1_000

/**
 * Brings the tables up to date while other nodes serve: one node at a time (Kysely's migrator takes an advisory lock), all or nothing,
 * and again until no long transaction is in the way. Answers the migrations of a newer version. Throws `invalid` for a database that
 * cannot hold what contacts write, and for a schema that is another program's.
 */
export async function upgrade(url: string, onNotice: (notice: string) => void): Promise<readonly string[]> {
  const db = toKysely(openPatientPool(url, LOCK_TIMEOUT_MS))
  try {
    await requireAnyText(db)
    const shared = { alone: keepOthersOut, migrationTableSchema: await findSchema(db) }
    for (let first = true; ; first = false) {
      try {
        return await migrate(db, POSTGRES, shared)
      } catch (error) {
        if (!gaveWay(error)) throw error
        if (first) onNotice('the tables are in use: this start waits until it can migrate them')
      }
      await pause(Math.random() * PAUSE_MS)
    }
  } finally {
    await db.destroy()
  }
}

/** SQL_ASCII gives back what it is given; any other but UTF8 refuses most characters, and a message with one of them could not be stored. */
async function requireAnyText(db: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ encoding: string }>`select current_setting('server_encoding') as encoding`.execute(db)
  const encoding = rows[0]?.encoding ?? ''
  if (['UTF8', 'SQL_ASCII'].includes(encoding)) return
  throw new ReadbackError(
    'invalid',
    `The database has the encoding ${encoding}: make one with UTF8 (createdb -T template0 -E UTF8)`,
  )
}

/**
 * Where our tables are, or will be made: the first of Kysely's on the path may be those of another program. In one schema the two would
 * share them, and Kysely starts nothing that finds migrations there which it does not know.
 */
async function findSchema(db: Kysely<Tables>): Promise<string> {
  const { rows } = await sql<{ current: string | null; known: string | null }>`select current_schema() as current,
    (select nspname from pg_class c join pg_namespace n on n.oid = relnamespace
      where c.oid = to_regclass(${DEFAULT_MIGRATION_TABLE})) as known`.execute(db)
  const { current = null, known = null } = rows[0] ?? {}
  const whose = known === null ? 'nobody' : await whoseMigrations(db)
  if (whose === 'theirs' && known === current) {
    throw new ReadbackError(
      'invalid',
      `The schema ${current} has the migrations of another program: make one for Readback, and name it in DATABASE_URL (?options=-c%20search_path=readback)`,
    )
  }
  return (whose === 'ours' ? known : current) ?? ''
}

/** Waits for the transactions of all nodes, and keeps new ones waiting. */
async function keepOthersOut(db: Kysely<unknown>): Promise<void> {
  await sql`lock table ${sql.table(MIGRATION_LOCK)} in access exclusive mode`.execute(db)
}
