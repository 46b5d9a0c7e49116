import { open } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { Client } from 'pg'
import { progress, whole } from './report.ts'

/** What a store of one account with one line holds after a week. */
interface Filling {
  readonly table: string
  readonly columns: string
  /** Of the conversation number `n`, from 0; of both engines. */
  readonly values: string
  /** In this order, where the table's own key is no growing number: many times faster than at random. */
  readonly order?: string
}

/** A database that takes statements, one after another. */
interface Fillable {
  /** `n`, from and up to. */
  readonly numbers: (from: number, to: number) => string
  run(statement: string): Promise<void>
  /** Those that a table could do without for a while. */
  indexes(tables: readonly string[]): Promise<{ name: string; definition: string }[]>
}

const WEEK_MS = 7 * 24 * 3_600_000
/** So many conversations in a statement: between two of them this process can be stopped. */
const AT_ONCE = 1_000_000
const ADDRESS = `'+1555' || substr(cast(10000000 + n as text), 2)`
/** As long as a carrier's, in no order, and no two alike: an odd number times n, in 32 bits. */
const CARRIER_ID = `substr(cast(10000000000 + (n * 2654435761) % 4294967296 as text), 2) || '-4b1d-4c3e-9f27-5d0c2ab417'`
const OWNERS = '(select id from accounts), (select id from lines)'

/**
 * So many conversations, each with a message, what recognises it, and a receipt that was sent: as the server writes them, but without
 * the events of both. Those would be more than half of the store; they are only ever added at its end, dispatching looks at none, and
 * accepting at the newest alone.
 */
function fillings(size: number): Filling[] {
  const at = `${Date.now() - WEEK_MS} + n * ${WEEK_MS} / ${size}`
  return [
    {
      table: 'conversations',
      columns:
        'account_id, line_id, kind, address, service, carrier_conversation, last_message_id, read_through, active_at',
      values: `${OWNERS}, 'direct', ${ADDRESS}, 'iMessage', ${ADDRESS}, n + 1, n + 1, ${at}`,
    },
    {
      table: 'messages',
      columns: `account_id, line_id, conversation_id, carrier_message_id, part, contact, content, service, reaction,
        sent_at, received_at, auto_reason, updated_at`,
      values: `${OWNERS}, n + 1, ${CARRIER_ID}, 0, ${ADDRESS}, 'Shall we meet at eight, or is that too late?', 'iMessage', 0,
        ${at} - 300, ${at}, 'off', ${at}`,
    },
    {
      table: 'seen_inbound',
      columns: 'line_id, carrier_message_id, message_ids, seen_at',
      values: `(select id from lines), ${CARRIER_ID}, '[' || cast(n + 1 as text) || ']', ${at}`,
      order: '2',
    },
    {
      table: 'receipts',
      columns: `account_id, line_id, conversation_id, state, trigger, service, requests, attempts, read_up_to,
        requested_at, last_attempt_at, expires_at, settled_at`,
      values: `${OWNERS}, n + 1, 'sent', 'api', 'iMessage', 1, 1, n + 1, ${at} + 900, ${at} + 920, ${at} + 900900, ${at} + 920`,
    },
  ]
}

/** Indexes are made afterwards, in one go each. */
async function fill(database: Fillable, size: number): Promise<void> {
  const tables = fillings(size)
  const indexes = await database.indexes(tables.map(({ table }) => table))
  for (const { name } of indexes) await database.run(`drop index ${name}`)
  for (const { table, columns, values, order } of tables) {
    // What is sorted has to be sorted as a whole.
    const step = order === undefined ? AT_ONCE : size
    for (let from = 0; from < size; from += step) {
      const numbers = database.numbers(from, Math.min(size, from + step) - 1)
      const sorted = order === undefined ? '' : ` order by ${order}`
      await database.run(`insert into ${table} (${columns}) select ${values} from ${numbers}${sorted}`)
    }
    if (size >= AT_ONCE) progress(`${table}: ${whole(size)} rows`)
  }
  for (const { definition } of indexes) await database.run(definition)
}

/** The server must not be running. */
export async function fillSqlite(path: string, size: number): Promise<void> {
  const database = new DatabaseSync(path)
  try {
    // A store that a broken fill leaves behind is thrown away.
    for (const pragma of ['journal_mode = off', 'synchronous = off', 'cache_size = -262144']) {
      database.exec(`pragma ${pragma}`)
    }
    const made = database.prepare(
      `select name, sql as definition from sqlite_master where type = 'index' and sql is not null and tbl_name = ?`,
    )
    await fill(
      {
        numbers: (from, to) =>
          `(with recursive k (n) as (select ${from} union all select n + 1 from k where n < ${to}) select n from k)`,
        async run(statement) {
          database.exec(statement)
          await turn()
        },
        indexes: async (tables) =>
          tables.flatMap((table) => made.all(table) as unknown as { name: string; definition: string }[]),
      },
      size,
    )
    database.exec('pragma journal_mode = wal')
  } finally {
    database.close()
  }
  await sync(path)
}

/** On the disk, so that what is measured later does not wait for it. */
async function sync(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}

export async function fillPostgres(url: string, size: number): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`set synchronous_commit = off; set maintenance_work_mem = '512MB'`)
    await fill(
      {
        numbers: (from, to) => `generate_series(${from}::bigint, ${to}) as k (n)`,
        run: async (statement) => void (await client.query(statement)),
        async indexes(tables) {
          const found = await client.query(
            `select indexname as name, indexdef as definition from pg_indexes where tablename = any($1)
              and not exists (select 1 from pg_constraint where conname = indexname and contype in ('p', 'u'))`,
            [tables],
          )
          return found.rows
        },
      },
      size,
    )
    await client.query('vacuum analyze')
    await client.query('checkpoint')
  } finally {
    await client.end()
  }
}
