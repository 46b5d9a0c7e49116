import { Client } from 'pg'
import { connectionOptions } from '../../src/store/postgres/connection.ts'
import { type Database, runSql } from './postgres.ts'

export interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Recheck Cond'?: string
  readonly Plans?: readonly Plan[]
}

export interface Explained {
  readonly 'QUERY PLAN': readonly { readonly Plan: Plan }[]
}

/** As a server's connection plans it for any values: an index that could be used is, since scanning is made dear. */
export async function planOf({ url }: Database, query: string): Promise<Plan> {
  const rows = await runSql<Explained>(
    connectionOptions(url),
    `set plan_cache_mode = force_generic_plan; prepare asked as ${query};
     explain (format json) execute asked${nullsFor(query)}`,
  )
  return rows[0]?.['QUERY PLAN'][0]?.Plan as Plan
}

/**
 * By which indexes, and by what of theirs, each query goes while its tables grow from nothing: one way, unless it depends on the moment
 * in which it is planned. `grow` makes the nth row of each, `most` times.
 */
export async function waysOf(
  { url }: Database,
  queries: readonly string[],
  grow: (n: number) => string,
  most: number,
): Promise<Map<string, ReadonlySet<string>>> {
  await using client = await connected(url)
  await client.query('set plan_cache_mode = force_generic_plan')
  for (const [number, query] of queries.entries()) await client.query(`prepare asked_${number} as ${query}`)
  const ways = new Map(queries.map((query) => [query, new Set<string>()]))
  for (let n = 1; n <= most; n++) {
    await client.query(`${grow(n)}; discard plans`)
    for (const [number, query] of queries.entries()) {
      const execute = `execute asked_${number}${nullsFor(query)}`
      const { rows } = await client.query<Explained>(`explain (format json) ${execute}`)
      const indexes = indexesOf(rows[0]?.['QUERY PLAN'][0]?.Plan as Plan)
      ways.get(query)?.add(indexes.sort().join('; '))
    }
  }
  return ways
}

function indexesOf(plan: Plan): string[] {
  const own = plan['Index Name'] === undefined ? [] : [`${plan['Index Name']} by ${plan['Index Cond']}`]
  return [...own, ...(plan.Plans ?? []).flatMap(indexesOf)]
}

function nullsFor(query: string): string {
  const count = Math.max(0, ...Array.from(query.matchAll(/\$(\d+)/g), ([, n]) => Number(n)))
  return count === 0 ? '' : `(${Array.from({ length: count }, () => 'null').join(', ')})`
}

export function conditionsOf(plan: Plan): string[] {
  const own = plan['Index Cond'] === undefined ? [] : [plan['Index Cond']]
  return [...own, ...(plan.Plans ?? []).flatMap(conditionsOf)]
}

export function stepsOf(plan: Plan): string[] {
  const index = plan['Index Name'] === undefined ? '' : ` by ${plan['Index Name']}`
  return [`${plan['Node Type']}${index}`, ...(plan.Plans ?? []).flatMap(stepsOf)]
}

/** Whether it has one plan for any values once it was asked a few times, each for one row at the most, beyond the end of what is there. */
export async function isPlannedOnce({ url }: Database, query: string): Promise<boolean> {
  await using client = await connected(url)
  await client.query(`begin; prepare asked as ${query}`)
  const { rows: parameters } = await client.query<{ type: string }>(
    `select unnest(parameter_types)::text as type from pg_prepared_statements`,
  )
  const most = Number(/limit \D*\$(\d+)/.exec(query)?.[1])
  const given = parameters.map(({ type }, index) => (index + 1 === most ? '1' : valueOfType(type)))
  const values = given.length === 0 ? '' : `(${given.join(', ')})`
  await client.query(`execute asked${values};`.repeat(8))
  const { rows } = await client.query<{ once: boolean }>('select generic_plans > 0 as once from pg_prepared_statements')
  return rows[0]?.once === true
}

async function connected(url: string) {
  const client = new Client(connectionOptions(url))
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}

function valueOfType(type: string): string {
  if (type.endsWith('[]')) return `'{1}'`
  return type === 'boolean' ? 'true' : `'1000000000'`
}
