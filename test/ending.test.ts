import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { type Filling, fillingPostgres, fillingSqlite } from './support/filling.ts'
import { type PostgresServer, postgresServer, requirePostgres } from './support/postgres.ts'
import { startProcess } from './support/process.ts'
import { type Customer, customer, LINE, startReadback } from './support/readback.ts'
import { isServedAsEver } from './support/served.ts'
import { until } from './support/until.ts'

const OTHER_LINE = '+19175550199'
const PATH_OF_LINE = `/operator/lines/${encodeURIComponent(LINE)}`
const RECEIPTS = 100_000
/** More than one process ends before it is killed. */
const BEFORE_A_KILL = 20_000
/** A call that ends all that waits takes longer. */
const QUICK_MS = 1_000
const PATIENCE_MS = 90_000
/** As they are counted for the chart, so that asking for it costs nothing. */
const SKIPPED = `sum(receipts) as count from receipt_minutes where state = 'skipped'`
const QUIET = { LOG_LEVEL: 'warn' }

const ENGINES = [
  ['SQLite', false],
  ['PostgreSQL', requirePostgres()],
] as const

describe('what waits for a line', () => {
  let postgres: PostgresServer | undefined
  before(async () => {
    if (requirePostgres() === false) postgres = await postgresServer()
  })
  after(() => postgres?.[Symbol.asyncDispose]())

  /** A store of its own on the engine. */
  async function onEngine(engine: string, work: (filling: Filling) => Promise<void>): Promise<void> {
    if (engine === 'SQLite') {
      await using folder = await dataFolder()
      await work(fillingSqlite(folder))
    } else {
      await using database = await (postgres as PostgresServer).database()
      await using filling = await fillingPostgres(database)
      await work(filling)
    }
  }

  for (const [engine, skip] of ENGINES) {
    const options = { skip, timeout: PATIENCE_MS }
    const removed = `that is removed ends, with an event each, and delays neither that call nor another account, on ${engine}`
    test(removed, options, () => onEngine(engine, endsReceipts))
    const killed = `that was removed ends, with an event each, though the server is killed meanwhile, on ${engine}`
    test(killed, options, () => onEngine(engine, endsAfterKill))
  }
})

async function endsReceipts(filling: Filling): Promise<void> {
  const { env, count } = filling
  await using prompt = await startCustomerServer()
  await withWaiting(filling, RECEIPTS)
  await using server = await startReadback({ ...env, ...QUIET })
  const other = await withEndpoint(await customer(server, { lines: [OTHER_LINE] }), prompt.url)
  const startedAt = performance.now()
  await server.operator.must(200, 'DELETE', PATH_OF_LINE)
  const ms = performance.now() - startedAt
  assert.ok(ms < QUICK_MS, `the line was removed in ${ms} ms`)
  assert.ok((await count(SKIPPED)) < RECEIPTS)
  await isServedAsEver(other, OTHER_LINE, prompt)
  await allEnd(filling, RECEIPTS)
}

async function endsAfterKill(filling: Filling): Promise<void> {
  const { env, count } = filling
  await using folder = await dataFolder()
  await withWaiting(filling, BEFORE_A_KILL)
  const options = { dataDir: folder.path, env: { ...env, LOG_LEVEL: 'info' } }
  const first = await startProcess(options)
  await first.operator.must(200, 'DELETE', PATH_OF_LINE)
  await until(
    'some to end',
    () => count(SKIPPED),
    (some) => some > 0,
  )
  await first.end('SIGKILL')
  assert.ok((await count(SKIPPED)) < BEFORE_A_KILL, 'all had ended before the kill')
  await using _second = await startProcess(options)
  await allEnd(filling, BEFORE_A_KILL)
}

/** A store whose one line is paused, and has so many receipts that wait: of ten one for a reply, the others for their time. */
async function withWaiting({ env, fill }: Filling, receipts: number): Promise<void> {
  await using server = await startReadback({ ...env, ...QUIET })
  await customer(server)
  await server.operator.must(200, 'PATCH', PATH_OF_LINE, { paused: true })
  await server.stop()
  const now = Date.now()
  await fill(
    receipts,
    `insert into conversations (account_id, line_id, kind, address)
     select account_id, id, 'direct', '+1555' || (1000000 + n) from lines, series`,
    `insert into receipts (account_id, line_id, conversation_id, trigger, requests, requested_at, next_attempt_at, expires_at)
     select account_id, id, n + 1, 'api', 1, ${now}, case when n % 10 = 0 then null else ${now} end, ${now + 3_600_000}
     from lines, series`,
  )
}

async function allEnd({ count }: Filling, receipts: number): Promise<void> {
  await until(
    'all to end',
    () => count(SKIPPED),
    (ended) => ended === receipts,
    PATIENCE_MS,
  )
  const skipped = `count(*) as count from receipts where line_id = 1 and state = 'skipped' and reason = 'line_removed' and next_attempt_at is null`
  assert.equal(await count(skipped), receipts)
  const told = `from events where line_id = 1 and type = 'receipt.settled' and event like '%line_removed%'`
  assert.equal(await count(`count(*) as count ${told}`), receipts)
  assert.equal(await count(`count(distinct subject) as count ${told}`), receipts)
}

async function withEndpoint(account: Customer, url: string): Promise<Customer> {
  await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [url], type: 'receive' })
  return account
}
