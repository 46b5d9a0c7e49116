import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { runSql } from '../../test/support/postgres.ts'
import { fillPostgres, fillSqlite } from './fill.ts'
import { type JsonClient, jsonClient } from './json-client.ts'
import { type LoadClient, startLoadClient } from './load.ts'
import { lineNumber } from './numbers.ts'
import { looking } from './queue.ts'
import { type Account, createAccount, createLine, type Readback, setAutoMarkRead, startReadback } from './readback.ts'
import { progress, whole } from './report.ts'
import { scratchFolder } from './scratch.ts'

/** A Readback on a store that holds a lot already. */
export interface GrownStore extends AsyncDisposable {
  readonly size: number
  readonly readback: Readback
  readonly account: Account
  readonly client: JsonClient
  readonly load: LoadClient
  readonly gib: number
  /** From its start until it was ready. */
  readonly startS: number
  /** Whether any receipt waits or is under way. */
  busy(): Promise<boolean>
}

interface Growing {
  readonly dir: string
  readonly size: number
  readonly profile?: string | undefined
  /** A PostgreSQL database in place of a file. */
  readonly databaseUrl?: string | undefined
}

export const LINE = lineNumber(0)
const CONNECTIONS = 64

/** An empty store that the server made itself, filled behind its back, and the server on it again. */
export async function growStore({ dir, size, profile, databaseUrl }: Growing): Promise<GrownStore> {
  await using undo = new AsyncDisposableStack()
  const { path: folder } = undo.use(await scratchFolder(dir))
  const account = await begin({ dir, folder, databaseUrl })
  const file = join(folder, 'readback.db')
  const start = performance.now()
  await (databaseUrl === undefined ? fillSqlite(file, size) : fillPostgres(databaseUrl, size))
  const filledS = (performance.now() - start) / 1000
  const again = performance.now()
  const readback = undo.use(await startReadback({ dir, folder, profile, databaseUrl }))
  const startS = (performance.now() - again) / 1000
  const client = undo.use(jsonClient(readback.base, account.keys, CONNECTIONS))
  const load = undo.use(startLoadClient(`a store of ${size}`))
  const gib = await (databaseUrl === undefined ? sizeOfFile(file) : sizeOfDatabase(databaseUrl))
  const open = 'receipts where settled_at is null'
  const { any: busy } = undo.use(databaseUrl === undefined ? lookingInto(file, open) : await looking(databaseUrl, open))
  progress(`a store of ${whole(size)}: ${gib.toFixed(1)} GiB, filled in ${whole(filledS)} s`)
  const kept = undo.move()
  const dispose = () => kept.disposeAsync()
  return { size, readback, account, client, load, gib, startS, busy, [Symbol.asyncDispose]: dispose }
}

async function begin(options: Parameters<typeof startReadback>[0]): Promise<Account> {
  await using readback = await startReadback(options)
  const account = await createAccount(readback.operator)
  await createLine(readback.operator, account, LINE)
  using client = jsonClient(readback.base, account.keys)
  await setAutoMarkRead(client, false)
  return account
}

function lookingInto(path: string, open: string) {
  const database = new DatabaseSync(path, { readOnly: true })
  const statement = database.prepare(`select exists (select 1 from ${open}) as any`)
  return {
    any: async () => statement.get()?.any === 1,
    [Symbol.asyncDispose]: async () => database.close(),
  }
}

const GIB = 2 ** 30

async function sizeOfFile(path: string): Promise<number> {
  return (await stat(path)).size / GIB
}

async function sizeOfDatabase(url: string): Promise<number> {
  const [row] = await runSql<{ bytes: string }>(url, 'select pg_database_size(current_database()) as bytes')
  return Number(row?.bytes) / GIB
}
