import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Database, nodeSettings, runSql } from './postgres.ts'

/** A store that is filled and counted in past its server: in a statement, `series` has `n` from 0 on. */
export interface Filling {
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
  }
}

export function fillingPostgres(database: Database): Filling {
  return {
    env: nodeSettings(database),
    async fill(rows, ...statements) {
      const series = `series as (select * from generate_series(0, ${rows - 1}) as n)`
      for (const statement of statements) await runSql(database.url, `with ${series} ${statement}`)
    },
    async count(query) {
      const [row] = await runSql<{ count: string | null }>(database.url, `select ${query}`)
      return Number(row?.count ?? 0)
    },
  }
}
