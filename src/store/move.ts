import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite'
import { type Kysely, sql } from 'kysely'
import { DatabaseError } from 'pg'
import { messageOf, ReadbackError } from '../core/errors.ts'
import { SQLITE } from './engine.ts'
import { migrate } from './migrations/index.ts'
import { asUnavailable, openPatientPool, toKysely, toParameter } from './postgres/connection.ts'
import { upgrade } from './postgres/upgrade.ts'
import { isOfSqlite, isStore, openWriter, toKysely as sqliteToKysely } from './sqlite/connection.ts'
import { lockFile } from './sqlite/file-lock.ts'
import { Joins } from './sqlite/joins.ts'
import type { Tables } from './tables.ts'

export interface Move {
  /** The SQLite file. */
  readonly path: string
  /** `postgres://…` */
  readonly url: string
  readonly onProgress: (progress: Progress) => void
}

export interface Progress {
  readonly table: string
  readonly done: number
  readonly total: number
}

/** A table as both engines have it. */
interface Moved {
  readonly name: string
  readonly columns: readonly Column[]
  /** What its rows are gone through by. */
  readonly key: readonly string[]
}

interface Column {
  readonly name: string
  readonly type: string
}

type Row = Readonly<Record<string, SQLInputValue>>

/** Rows that go together. */
const AT_ONCE = 1_000
const UNDER_WAY = 'under way'

/**
 * Moves a store from SQLite to PostgreSQL: every table in order of its key, so that one that was interrupted goes on behind the
 * last row that arrived. No server may run on either meanwhile. Throws `conflict` where the other store holds something of its own, or
 * a newer version has migrated either, `invalid` where there is no first store, and `internal` where what arrived is not what was sent.
 * Answers how many rows there are.
 */
export async function moveStore(move: Move): Promise<number> {
  const { path } = move
  try {
    if (!existsSync(path) || !holdsStore(path)) throw new ReadbackError('invalid', `There is no store at ${path}`)
    const lock = lockFile(path)
    try {
      return await moveRows(openWriter(path), move)
    } finally {
      lock.release()
    }
  } catch (error) {
    throw withPlace(error, path)
  }
}

/** Asked before anything is written: it may be another program's database. */
function holdsStore(path: string): boolean {
  using source = new DatabaseSync(path)
  return isStore(source)
}

/** Of two stores neither SQLite nor PostgreSQL says which it means. The URL is not shown: it may hold a password. */
function withPlace(error: unknown, path: string): unknown {
  if (isOfSqlite(error))
    return new ReadbackError('unavailable', `The store ${path}: ${messageOf(error)}`, { cause: error })
  const away = asUnavailable(error) ?? (error instanceof DatabaseError ? error : undefined)
  if (away === undefined) return error
  return new ReadbackError('unavailable', `The second URL: ${messageOf(away)}`, { cause: error })
}

async function moveRows(source: DatabaseSync, { url, onProgress }: Move): Promise<number> {
  const target = toKysely(openPatientPool(url))
  try {
    // A store that is to be moved nowhere stays as it is.
    refuseNewer('second', await upgrade(url, () => {}))
    refuseNewer('first', await migrate(sqliteToKysely(source), SQLITE))
    new Joins(source).foldAll()
    await begin(target)
    const tables = await tablesOf(source, target)
    let rows = 0
    for (const table of tables) rows += await copy(source, target, table, onProgress)
    for (const table of tables) await check(source, target, table)
    await continueIds(source, target, tables)
    await sql`delete from facts where name = 'move'`.execute(target)
    return rows
  } finally {
    await target.destroy()
    source.close()
  }
}

/** A move would leave behind whatever it does not know. */
function refuseNewer(which: 'first' | 'second', newer: readonly string[]): void {
  if (newer.length === 0) return
  const what = `a newer version has migrated the store at the ${which} URL (${newer.join(', ')})`
  throw new ReadbackError('conflict', `A move needs the newest version: ${what}`)
}

/** No server starts on a store that has this fact. */
async function begin(target: Kysely<Tables>): Promise<void> {
  const facts = await target.selectFrom('facts').select('name').execute()
  if (facts.some(({ name }) => name === 'move')) return
  if (facts.length > 0)
    throw new ReadbackError('conflict', 'The store at the second URL is in use: a move needs an empty one')
  await target.insertInto('facts').values({ name: 'move', value: UNDER_WAY }).execute()
}

async function tablesOf(source: DatabaseSync, target: Kysely<Tables>): Promise<Moved[]> {
  const { rows } = await sql<{ table: string; name: string; type: string }>`
    select table_name as table, column_name as name, data_type as type from information_schema.columns
    where table_schema = current_schema() and table_name not like 'kysely%' order by table_name, ordinal_position`.execute(
    target,
  )
  const byTable = Map.groupBy(rows, ({ table }) => table)
  return [...byTable].flatMap(([name, columns]) => {
    const own = source.prepare('select name, pk from pragma_table_info(?) order by pk').all(name) as {
      name: string
      pk: number
    }[]
    const key = own.filter(({ pk }) => pk > 0).map((column) => column.name)
    // Leases are PostgreSQL's alone; and what has no key is of calls under way, of which there are none.
    return key.length === 0 ? [] : [{ name, columns, key }]
  })
}

async function copy(
  source: DatabaseSync,
  target: Kysely<Tables>,
  { name, columns, key }: Moved,
  onProgress: Move['onProgress'],
): Promise<number> {
  const { total } = source.prepare(`select count(*) as total from ${name}`).get() as { total: number }
  const names = columns.map((column) => column.name)
  const behind = source.prepare(
    `select ${names.join(', ')} from ${name} where (${key.join(', ')}) > (${key.map(() => '?').join(', ')})
     order by ${key.join(', ')} limit ${AT_ONCE}`,
  )
  const first = source.prepare(`select ${names.join(', ')} from ${name} order by ${key.join(', ')} limit ${AT_ONCE}`)
  let { last, done } = await arrived(target, name, columns, key)
  for (;;) {
    onProgress({ table: name, done, total })
    const rows = (last === undefined ? first.all() : behind.all(...last)) as Row[]
    const newest = rows.at(-1)
    if (newest === undefined) return total
    // A column is one value: with one for each field PostgreSQL would read the statement anew each time.
    const values = columns.map((column) => {
      const all = toParameter(rows.map((row) => row[column.name]))
      return sql`${all}::${sql.raw(column.type)}[]`
    })
    await sql`insert into ${sql.table(name)} (${sql.join(names.map((column) => sql.ref(column)))})
      select * from unnest(${sql.join(values)}) on conflict do nothing`.execute(target)
    last = key.map((column) => newest[column] as SQLInputValue)
    done += rows.length
  }
}

/** Where an interrupted move goes on. Text is compared by its bytes, as SQLite does. */
async function arrived(target: Kysely<Tables>, name: string, columns: readonly Column[], key: readonly string[]) {
  const order = key.map((column) => {
    const collation = columns.find((one) => one.name === column)?.type === 'text' ? sql` collate "C"` : sql``
    return sql`${sql.ref(column)}${collation} desc`
  })
  // The fact that a move is under way is not of those that are moved.
  const where = name === 'facts' ? sql`where name <> 'move'` : sql``
  const rows = await sql<Row>`select * from ${sql.table(name)} ${where} order by ${sql.join(order)} limit 1`.execute(
    target,
  )
  const counted = await sql<{ done: number }>`select count(*) as done from ${sql.table(name)} ${where}`.execute(target)
  const row = rows.rows[0]
  return { last: row && key.map((column) => row[column] as SQLInputValue), done: counted.rows[0]?.done ?? 0 }
}

/** What stands between two columns, and for one that holds nothing, in what a row is summed up by. */
const BETWEEN = 31
const NOTHING = 1
/** So that a sum over a store's rows is a number that JavaScript has. */
const MODULUS = 1_000_003

/** The same rows: by their count, and by a sum over what is in each of them. */
async function check(source: DatabaseSync, target: Kysely<Tables>, { name, columns }: Moved): Promise<void> {
  const summed = columns.filter(({ type }) => type === 'bigint' || type === 'text').map((column) => column.name)
  source.function('digest', { deterministic: true, varargs: true }, digest)
  const sent = source
    .prepare(`select count(*) as rows, sum(digest(${summed.join(', ')}) % ${MODULUS}) as sum from ${name}`)
    .get() as Row
  const texts = summed.map((column) => `coalesce(${column}::text, chr(${NOTHING}))`).join(', ')
  const bits = `('x' || left(md5(concat_ws(chr(${BETWEEN}), ${texts})), 8))::bit(32)::bigint`
  const where = name === 'facts' ? ` where name <> 'move'` : ''
  const { rows } = await sql
    .raw<Row>(`select count(*) as rows, sum(${bits} % ${MODULUS}) as sum from ${name}${where}`)
    .execute(target)
  if (Number(sent.rows) === Number(rows[0]?.rows) && Number(sent.sum) === Number(rows[0]?.sum)) return
  const anew = 'empty the second store and begin again'
  throw new ReadbackError('internal', `The table ${name} did not arrive as it is in the first store; ${anew}`)
}

function digest(...values: readonly SQLOutputValue[]): number {
  const texts = values.map((value) => (value === null ? String.fromCharCode(NOTHING) : toParameter(String(value))))
  const md5 = createHash('md5').update(texts.join(String.fromCharCode(BETWEEN)))
  return Number.parseInt(md5.digest('hex').slice(0, 8), 16)
}

/** An id that was given once is never given again, also where its row is gone. */
async function continueIds(source: DatabaseSync, target: Kysely<Tables>, tables: readonly Moved[]): Promise<void> {
  const given = source.prepare('select name, seq from sqlite_sequence').all() as { name: string; seq: number }[]
  for (const { name, seq } of given) {
    if (tables.some((table) => table.name === name) && seq > 0) {
      await sql`select setval(pg_get_serial_sequence(${name}, 'id'), ${seq}::bigint)`.execute(target)
    }
  }
}
