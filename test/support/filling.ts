import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { type Database, nodeSettings } from './postgres.ts'

/** A store that is filled and counted in past its server: in a statement, `series` has `n` from 0 on. */
export interface Filling extends AsyncDisposable {
  /** What an operator sets. */
  readonly env: Readonly<Record<string, string>>
  fill(rows: number, ...statements: readonly string[]): Promise<void>
  /** How many, or how much, `query` answers, which follows `select`; 0 where that is nothing. */
  count(query: string): Promise<number>
}

export function fillingSqlite({ path }: { readonly path: string }): Filling {
  const open = () => new DatabaseSync(join(path, 'readback.db'), { timeout: 5_000 })
  return {
    env: { READBACK_DATA_DIR: path },
    async fill(rows, ...statements) {
      using file = open()
      file.exec('pragma synchronous = off')
      const series = `recursive series (n) as (select 0 union all select n + 1 from series where n < ${rows - 1})`
      for (const statement of statements) file.prepare(`with ${series} ${statement}`).run()
    },
    async count(query) {
      using file = open()
      return Number(file.prepare(`select ${query}`).get()?.count ?? 0)
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** By one connection: who counts until all is done asks a hundred times a second, and PostgreSQL has a process for each that is opened. */
export async function fillingPostgres(database: Database): Promise<Filling> {
  const client = new Client(database.url)
  await client.connect()
  return {
    env: nodeSettings(database),
    async fill(rows, ...statements) {
      const series = `series as (select * from generate_series(0, ${rows - 1}) as n)`
      for (const statement of statements) await client.query(`with ${series} ${statement}`)
    },
    async count(query) {
      const { rows } = await client.query<{ count: string | null }>(`select ${query}`)
      return Number(rows[0]?.count ?? 0)
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}
