import assert from 'node:assert/strict'
import type { RequestListener, ServerResponse } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { AT_ONCE } from '../src/outbox/callbacks.ts'
import { type CustomerServer, startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { type Filling, fillingPostgres, fillingSqlite } from './support/filling.ts'
import { type PostgresServer, postgresServer, requirePostgres } from './support/postgres.ts'
import { customer, enter, type Readback, startReadback } from './support/readback.ts'
import { isServedAsEver } from './support/served.ts'
import { until } from './support/until.ts'

const OTHER_LINE = '+19175550199'
const SLOW_MS = 200
const START_MS = 5_000
/** A webhook that waits behind the others never comes. */
const PATIENCE_MS = 90_000
/** More than are looked at together. */
const CALLBACKS = 3_000
/** So many rows are some 200 MB in a process; `npm run chaos` has a million. */
const WAITING = Number(process.env.CHAOS_WAITING ?? 400_000)
const MOST_MEMORY = 150 * 2 ** 20

describe(`an account with ${WAITING.toLocaleString('en')} receipts and as many webhooks waiting`, () => {
  let postgres: PostgresServer | undefined
  before(async () => {
    if (requirePostgres() === false) postgres = await postgresServer()
  })
  after(() => postgres?.[Symbol.asyncDispose]())

  test('delays no other on SQLite, and no start, nor do they when they are given up', {
    timeout: PATIENCE_MS,
  }, async () => {
    await using folder = await dataFolder()
    await delaysNoOther(fillingSqlite(folder))
  })

  test('delays no other on PostgreSQL, and no start, nor do they when they are given up', {
    skip: requirePostgres(),
    timeout: PATIENCE_MS,
  }, async () => {
    await using database = await (postgres as PostgresServer).database()
    await using filling = await fillingPostgres(database)
    await delaysNoOther(filling)
  })
})

describe('an account whose messages each name a callback, at a host that hangs,', () => {
  test('delays no other on SQLite, takes so many connections and no more, and all are called by the next start', {
    timeout: PATIENCE_MS,
  }, async () => {
    await using folder = await dataFolder()
    await callbacksDelayNoOther(fillingSqlite(folder))
  })

  test('delays no other on PostgreSQL, takes so many connections and no more, and all are called by the next start', {
    skip: requirePostgres(),
    timeout: PATIENCE_MS,
  }, async () => {
    await using server = await postgresServer()
    await using database = await server.database()
    await using filling = await fillingPostgres(database)
    await callbacksDelayNoOther(filling)
  })
})

async function callbacksDelayNoOther({ env, fill }: Filling) {
  await using slow = await startCustomerServer()
  await using prompt = await startCustomerServer()
  const hanging = new Set<ServerResponse>()
  let most = 0
  slow.answer = (_, response) => {
    hanging.add(response.on('close', () => hanging.delete(response)))
    most = Math.max(most, hanging.size)
  }
  await using first = await startReadback({ ...env, LOG_LEVEL: 'warn' })
  await (await customer(first)).write()
  await first.stop()
  const now = Date.now()
  await fill(
    CALLBACKS,
    `insert into webhooks (account_id, type, url, created_at)
     select id, 'status_callback', '${slow.url}/' || n, ${now} from accounts, series`,
    `insert into webhook_deliveries (account_id, webhook_id, event_id, next_attempt_at, created_at)
     select account_id, id, (select max(id) from events where type = 'message.received'), ${now}, ${now} from webhooks`,
  )
  await using server = await startReadback({ ...env, LOG_LEVEL: 'warn' })
  const other = await customer(server, { lines: [OTHER_LINE] })
  await other.must(200, 'POST', '/api/account/webhooks', { webhooks: [prompt.url], type: 'receive' })
  await until(
    'all connections to be taken',
    () => most,
    (seen) => seen >= AT_ONCE,
  )
  await isServedAsEver(other, OTHER_LINE, prompt)
  assert.ok(most <= 2 * AT_ONCE, `${most} calls at once`)
  await server.stop()
  slow.answer = (_, response) => response.end('ok')
  await using _next = await startReadback({ ...env, LOG_LEVEL: 'warn' })
  const heard = () => new Set(slow.received.map(({ path }) => path)).size
  await until('all others to hear', heard, (count) => count === CALLBACKS, PATIENCE_MS)
}

async function delaysNoOther({ env, fill, count }: Filling) {
  await using slow = await startCustomerServer()
  await using prompt = await startCustomerServer()
  const hanging = hangEveryOther(slow)
  await using first = await startReadback({ ...env, LOG_LEVEL: 'warn' })
  const busy = await customer(first)
  await busy.must(200, 'POST', '/api/account/webhooks', { webhooks: [slow.url], type: 'receive' })
  await busy.write()
  await slow.at(0)
  await busy.carrier({ pace_per_s: 20 })
  await first.stop()
  const now = Date.now()
  await fill(
    WAITING,
    // As many as the lane comes to while this is looked at. They have the numbers from 2 on: the first is the one that wrote.
    `insert into conversations (account_id, line_id, kind, address)
     select account_id, id, 'direct', '+1555' || (1000000 + n) from lines, series where n < 20000`,
    `insert into receipts (account_id, line_id, conversation_id, trigger, requests, requested_at, next_attempt_at, expires_at)
     select account_id, id, case when n < 20000 then n + 2 else -n end, 'api', 1, ${now}, ${now - 1_000_000} + n, ${now + 3_600_000}
     from lines, series`,
    `insert into webhook_deliveries (account_id, webhook_id, event_id, next_attempt_at, created_at)
     select account_id, id, (select max(id) from events where type = 'message.received'), ${now}, ${now} from webhooks, series`,
  )
  const memory = process.memoryUsage().rss
  const calls = slow.received.length
  await using server = await startedSoon(env)
  const again = enter(server.base, busy.accountId, busy.keys)
  const other = await customer(server, { lines: [OTHER_LINE] })
  await other.must(200, 'POST', '/api/account/webhooks', { webhooks: [prompt.url], type: 'receive' })
  await isServedAsEver(other, OTHER_LINE, prompt)
  await until(
    'the busy one to get on',
    async () => (await again.must(200, 'GET', '/readback/v1/receipts?state=sent&limit=1')).body.data.length,
    (sent) => sent > 0,
  )
  await until(
    'the slow endpoint to be called',
    () => slow.received.length,
    (seen) => seen > calls + 32,
  )
  const grown = process.memoryUsage().rss - memory
  assert.ok(grown < MOST_MEMORY, `${Math.round(grown / 2 ** 20)} MB more`)
  slow.answer = isGone
  for (const response of hanging) response.writeHead(410).end()
  await isServedAsEver(other, OTHER_LINE, prompt)
  await until(
    'no webhook to wait for one that is gone',
    // Whether one is left: to count a million, again and again, would take the processor from those who end them.
    () =>
      count(`count(*) as count from (select 1 from webhook_deliveries
        where webhook_id = 1 and next_attempt_at is not null order by next_attempt_at limit 1) as one`),
    (waiting) => waiting === 0,
    PATIENCE_MS,
  )
  assert.ok((await count(`count(*) as count from webhook_deliveries where state = 'failed'`)) > WAITING - 1_000)
}

async function startedSoon(env: Readonly<Record<string, string>>): Promise<Readback> {
  const startedAt = performance.now()
  const server = await startReadback({ ...env, LOG_LEVEL: 'warn' })
  await server.operator.must(200, 'GET', '/readyz')
  const ms = performance.now() - startedAt
  assert.ok(ms < START_MS, `the start took ${ms} ms`)
  return server
}

/** Slow, and every other call never ends; answers those that hang. */
function hangEveryOther(endpoint: CustomerServer): readonly ServerResponse[] {
  const hanging: ServerResponse[] = []
  let calls = 0
  endpoint.answer = (_, response) => {
    calls += 1
    if (calls % 2 === 1) setTimeout(() => response.end('ok'), SLOW_MS)
    else hanging.push(response)
  }
  return hanging
}

const isGone: RequestListener = (_, response) => response.writeHead(410).end()
