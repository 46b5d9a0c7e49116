import { closeSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { Kysely, type LimitNode, SqliteAdapter, SqliteDialect, SqliteQueryCompiler, type SqliteStatement } from 'kysely'
import { DEFAULT_MIGRATION_LOCK_TABLE, DEFAULT_MIGRATION_TABLE } from 'kysely/migration'
import { messageOf, ReadbackError } from '../../core/errors.ts'
import { isOurs } from '../migrations/index.ts'
import type { Tables } from '../tables.ts'

/** Another program that holds the file (a backup, a shell) is waited for this long; then it is 503, not a hang. */
const BUSY_TIMEOUT_MS = 1_000

/**
 * `synchronous=FULL` and `fullfsync` (macOS) make a commit mean "on the disk". The checkpoint at 4,000 pages and the cache
 * (negative: KiB) are what docs/performance.md measured.
 */
const WRITER_PRAGMAS = [
  'journal_mode = WAL',
  'synchronous = FULL',
  'fullfsync = ON',
  'wal_autocheckpoint = 4000',
  'cache_size = -32768',
  'temp_store = MEMORY',
]

/**
 * SQLite makes files that everybody may read; their -wal and -shm have the mode of the file that they belong to. `wx`: one that is there
 * is not opened, since closing it again would let go of every lock that this process has on it.
 */
export function makePrivately(path: string): void {
  // No file: in memory, or a URI that is SQLite's to read.
  if (path === ':memory:' || path.startsWith('file:')) return
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch {
    // It is there, or cannot be made, which SQLite says in the words that are known of it.
  }
}

/** Throws `invalid` for another program's database, which stays as it is. */
export function openWriter(path: string): DatabaseSync {
  makePrivately(path)
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  if (!isStore(database) && !isEmpty(database)) {
    database.close()
    throw new ReadbackError('invalid', `The store ${path} cannot be opened: it is another program's database`)
  }
  for (const pragma of WRITER_PRAGMAS) database.exec(`pragma ${pragma}`)
  return database
}

/** Whether our migrations were here, whichever version's. */
export function isStore(database: DatabaseSync): boolean {
  const known = database.prepare('select 1 from sqlite_schema where name = ?').get(DEFAULT_MIGRATION_TABLE)
  if (known === undefined) return false
  const executed = database.prepare(`select name from ${DEFAULT_MIGRATION_TABLE}`).all() as { name: string }[]
  return executed.some(isOurs)
}

/** A first start that was cut off leaves Kysely's tables alone. */
function isEmpty(database: DatabaseSync): boolean {
  const tables = database.prepare(
    `select 1 from sqlite_schema where type = 'table' and name not glob 'sqlite_*' and name not in (?, ?)`,
  )
  return tables.get(DEFAULT_MIGRATION_TABLE, DEFAULT_MIGRATION_LOCK_TABLE) === undefined
}

export function openReader(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true })
  database.exec('pragma cache_size = -8192')
  return database
}

/** More texts than there are queries: lists of ids and of filters make some more of each. */
const MOST_PREPARED = 500

/**
 * Kysely over `node:sqlite`, through the seam that it has for better-sqlite3. A text is prepared once: with 1,000 inbound a second
 * that was a third of what the reading thread did, and a tenth of the writing one.
 */
export function toKysely(database: DatabaseSync): Kysely<Tables> {
  const prepared = new Map<string, SqliteStatement>()
  return new Kysely<Tables>({
    dialect: new Dialect({
      database: {
        close: () => database.close(),
        prepare(sql) {
          const known = prepared.get(sql)
          if (known !== undefined) return known
          if (prepared.size >= MOST_PREPARED) prepared.clear()
          const statement = prepare(database, sql)
          prepared.set(sql, statement)
          return statement
        },
      },
    }),
  })
}

/** SQLite's tables can be changed in a transaction, which Kysely does not believe: a migration that was cut off would be half there. */
class Dialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new Adapter()
  }
  override createQueryCompiler(): SqliteQueryCompiler {
    return new Compiler()
  }
}

class Adapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/**
 * What is `limit ?` SQLite plans for the very limit that it is given, and so compiles anew each time that it is asked: 0.1 to 0.3 ms.
 * Into an expression it does not look. The same holds for a value that a partial index says something about: those are literals.
 */
class Compiler extends SqliteQueryCompiler {
  protected override visitLimit(node: LimitNode): void {
    super.visitLimit(node)
    this.append(' + 0')
  }
}

function prepare(database: DatabaseSync, sql: string): SqliteStatement {
  const statement = database.prepare(sql)
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  }
}

/** https://nodejs.org/api/errors.html#err_sqlite_error: its class does not outlive the way from the thread that opens the store. */
export function isOfSqlite(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'
}

/** SQLite's primary result codes for "not now, not here": BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN. */
const ABSENT_CODES = new Set([5, 6, 7, 8, 10, 13, 14])

/** The store is full, locked, read-only or gone: a 503, and worth another try. Undefined for any other error. */
export function asUnavailable(error: unknown): ReadbackError | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  if (!ABSENT_CODES.has(error.errcode & 0xff)) return undefined
  return new ReadbackError('unavailable', `The store cannot be written or read: ${messageOf(error)}`)
}
