import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startCustomerServer } from './support/customer-server.ts'
import { isPlannedOnce, type Plan, planOf, stepsOf, waysOf } from './support/plan.ts'
import {
  type Database,
  LOGGED,
  nodeSettings,
  type OwnServer,
  ownServer,
  requireOwnPostgres,
  runSql,
} from './support/postgres.ts'
import { CONTACT, type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'
import { deliveries, events, oneOfAll, someOfAll, waiting } from './support/rows.ts'
import { until } from './support/until.ts'
import { keysOf, signIn } from './support/visitor.ts'

/** Those that grow with use. The others have a row for each line, account, endpoint or node. */
const GROWING = [
  ...['conversations', 'messages', 'seen_inbound', 'receipts', 'events', 'webhook_deliveries', 'webhook_attempts'],
  ...['handset_messages', 'sessions', 'tokens'],
]
/** Not a query of the server's while it serves. */
const OTHERS =
  /^(update messages set updated_at|update conversations set active_at =\s+coalesce|select (pid|.*pg_catalog))/
/** Forgetting looks along an index for the first that will do. */
const SELDOM = /^select "line_id", "carrier_message_id" from "seen_inbound" as "seen" where "seen_at" </

/** Words of the statements that end what was left. */
const LAST = [
  'from waiting',
  `'line_removed'`,
  '"reason" = $2, "next_attempt_at" = $3',
  '"ended_through" = $1, "ended_at" = $2',
]

describe('every statement of a server on PostgreSQL', { skip: requireOwnPostgres() }, () => {
  let postgres: OwnServer
  let database: Database
  let asked: readonly string[]
  /** Those that a connection keeps. */
  let kept: readonly string[]
  before(async () => {
    // What is known of a table is what the test has counted.
    postgres = await ownServer({ ...LOGGED, autovacuum: 'off' })
    database = await postgres.database()
    await use(database.url)
    const statements = await until(
      'the last of them to be in the log',
      () => postgres.statements(),
      (seen) => LAST.every((words) => seen.some((query) => query.includes(words))),
    )
    asked = queriesAmong(statements)
    assert.ok(asked.length > 50, `${asked.length} statements`)
    kept = queriesAmong(await postgres.statements('kept'))
    assert.ok(kept.length > 30, `${kept.length} that are kept`)
  })
  after(() => postgres[Symbol.asyncDispose]())

  test('goes by an index wherever a table grows, and by one plan where it is kept', async () => {
    assert.deepEqual(await scansIn(database, asked), [])
    // Such a plan is kept while a table grows.
    await runSql(database.url, `${someOfAll(100)}; analyze`)
    assert.deepEqual(await scansIn(database, kept), [])
    const anew: string[] = []
    await runSql(database.url, `${events(20_000)}; ${waiting(20_000)}; ${deliveries(20_000, 1)}; analyze`)
    for (const query of kept) if (!(await isPlannedOnce(database, query))) anew.push(query)
    assert.deepEqual(anew, [])
  })

  test('forgets the sessions that ended by an index, however many are open', async () => {
    const forgetting = asked.filter((query) => query.startsWith('delete from "sessions"'))
    const ways = await Promise.all(forgetting.map(async (query) => stepsOf(await planOf(database, query))))
    assert.deepEqual([ways.length, ways.flat().filter((step) => step.startsWith('Seq Scan'))], [1, []])
    assert.ok(ways.flat().some((step) => step.endsWith(' by session_ends')))
  })

  test('finds what was told of a message by that, though all was told of a few when it was counted', async () => {
    await using crowded = await postgres.database()
    await startReadback(nodeSettings(crowded)).then((server) => server[Symbol.asyncDispose]())
    await runSql(
      crowded.url,
      `${events(3)}; ${deliveries(20_000, null)}; update webhook_deliveries set event_id = 1 + id % 3;
       insert into webhooks (account_id, type, url, created_at) values (1, 'receive', '', 1); analyze`,
    )
    const told = asked.filter((query) => query.includes('"d"."event_id" in'))
    const ways = await Promise.all(told.map(async (query) => stepsOf(await planOf(crowded, query))))
    assert.deepEqual([ways.length, ways.flat().filter((step) => step.endsWith(' by webhook_deliveries_pkey'))], [1, []])
    assert.ok(ways.flat().some((step) => step.endsWith(' by event_deliveries')))
  })

  test('goes by the same indexes whatever its tables hold in the moment when a plan is made that is kept', async () => {
    await using empty = await postgres.database()
    await startReadback(nodeSettings(empty)).then((server) => server[Symbol.asyncDispose]())
    // A line that is idle has PostgreSQL look among what all others hold, if it thinks that one is as good as another.
    const ofEachLine = asked.filter((query) => query.includes('as "lastInboundAt"'))
    assert.equal(ofEachLine.length, 1)
    const ways = [...(await waysOf(empty, [...kept, ...ofEachLine], oneOfAll, 200))]
    assert.deepEqual(
      ways.filter(([, known]) => known.size > 1).map(([query, known]) => [query, ...known]),
      [],
    )
  })
})

/** All that clients, carriers and the server itself do; each of it once. */
async function use(url: string): Promise<void> {
  await using endpoint = await startCustomerServer()
  await using server = await startReadback(nodeSettings({ url }))
  const account = await customer(server, { auto: true })
  const webhooks = [{ url: endpoint.url, type: 'receive' }]
  await account.call('POST', '/api/account/webhooks', { webhooks: webhooks.map(({ url }) => url), type: 'receive' })
  await account.write()
  const id = await account.markRead()
  await account.settled(id)
  await endpoint.at(0)
  await account.carrier({ fail_next: 1 })
  await account.settled(await account.markRead())
  await account.phone()
  const lists = [
    '/readback/v1/receipts',
    `/readback/v1/receipts?number=${encodeURIComponent(CONTACT)}&from_number=${encodeURIComponent(LINE)}`,
    `/readback/v1/receipts?from_number=${encodeURIComponent(LINE)}`,
    '/readback/v1/webhook-deliveries',
    '/api/v2/messages',
    `/api/v2/messages?number=${encodeURIComponent(CONTACT)}`,
  ]
  for (const list of lists) await account.must(200, 'GET', list)
  await look(server.base, account)
  // At another node all is old, and deleted within a second.
  await using _forgetful = await startReadback({ ...nodeSettings({ url }), READBACK_RETENTION_DAYS: '0.00001' })
  await until(
    'it to be forgotten',
    () => account.phone(),
    (messages) => messages.length === 0,
  )
  await end(server, account)
}

/** What is given up, and what a removed line had waiting: for its time, for a reply, and to be sent. */
async function end({ operator }: Readback, account: Customer): Promise<void> {
  const { webhooks } = (await account.must(200, 'GET', '/api/account/webhooks')).body
  await account.must(200, 'DELETE', '/api/account/webhooks', { webhooks: webhooks.receive })
  const line = `/operator/lines/${encodeURIComponent(LINE)}`
  await operator.must(200, 'PATCH', line, { paused: true })
  await account.must(200, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing: { mode: 'on_reply' } })
  await account.write({ number: '+14155550123' })
  await account.markRead()
  await account.must(200, 'POST', '/api/send-message', { number: CONTACT, from_number: LINE, content: 'Hello' })
  await operator.must(200, 'DELETE', line)
  await until(
    'all receipts to end',
    async () => (await account.must(200, 'GET', '/readback/v1/receipts?state=queued')).body.data,
    (waiting) => waiting.length === 0,
  )
}

/** What a person looks at. */
async function look(base: string, account: Customer): Promise<void> {
  const [handle] = await account.write()
  const visitor = await signIn(base, keysOf(account))
  const { body } = await visitor.must(200, 'GET', '/console/conversations')
  const { body: searched } = await visitor.must(
    200,
    'GET',
    `/console/conversations?search=${encodeURIComponent(CONTACT)}`,
  )
  const { conversation_id: id } = searched.data[0] ?? body.data[0]
  for (const path of [
    'overview',
    'lines',
    'keys',
    `conversations/${id}`,
    `conversations/${id}/handset`,
    `messages/${handle}`,
  ]) {
    await visitor.must(200, 'GET', `/console/${path}`)
  }
  await visitor.must(200, 'POST', '/console/api/mark-read', { number: CONTACT, from_number: LINE })
}

function queriesAmong(statements: readonly string[]): string[] {
  return [...new Set(statements)].filter(
    (query) => /^(select|update|delete|with)\b/i.test(query) && !OTHERS.test(query) && !SELDOM.test(query),
  )
}

async function scansIn(database: Database, queries: readonly string[]): Promise<string[]> {
  const scans: string[] = []
  for (const query of queries) {
    for (const scan of scansOf(await planOf(database, query))) scans.push(`${scan}: ${query}`)
  }
  return scans
}

function scansOf(plan: Plan): string[] {
  const table = plan['Relation Name'] ?? ''
  const scanned = /Scan$/.test(plan['Node Type']) && GROWING.includes(table)
  const found = plan['Index Cond'] !== undefined || plan['Recheck Cond'] !== undefined
  const own = scanned && !found ? [`${plan['Node Type']} of ${table}`] : []
  return [...own, ...(plan.Plans ?? []).flatMap(scansOf)]
}
