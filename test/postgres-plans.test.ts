import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Client } from 'pg'
import { desk } from '../src/store/desk.contract.ts'
import { ROWS_PER_LOOK } from '../src/store/overdue.ts'
import { connectionOptions } from '../src/store/postgres/connection.ts'
import { CLAIM, GIVE_UP } from '../src/store/postgres/deliveries.ts'
import {
  COUNT,
  EXPIRE,
  FIND_NEXT_DUE,
  LOCK_DUE,
  SET_BACK,
  SETTLE,
  SKIP_REMOVED,
} from '../src/store/postgres/outbox-statements.ts'
import { JOIN_UNCHANGED } from '../src/store/postgres/places.ts'
import { IN_ORDER } from '../src/store/postgres/transactions.ts'
import { startCustomerServer } from './support/customer-server.ts'
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
import { until } from './support/until.ts'
import { signIn } from './support/visitor.ts'

/** Those that grow with use. The others have a row for each line, account, endpoint or node. */
const GROWING = [
  ...['conversations', 'messages', 'seen_inbound', 'receipts', 'events', 'webhook_deliveries', 'webhook_attempts'],
  'handset_messages',
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

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Recheck Cond'?: string
  readonly Plans?: readonly Plan[]
}

interface Explained {
  readonly 'QUERY PLAN': readonly { readonly Plan: Plan }[]
}

describe('every statement of a server on PostgreSQL', { skip: requireOwnPostgres() }, () => {
  let postgres: OwnServer
  before(async () => {
    postgres = await ownServer(LOGGED)
  })
  after(() => postgres[Symbol.asyncDispose]())

  test('goes by an index wherever a table grows, and by one plan where it is kept', async (t) => {
    await using database = await postgres.database()
    await use(database.url)
    const statements = await until(
      'the last of them to be in the log',
      () => postgres.statements(),
      (seen) => LAST.every((words) => seen.some((query) => query.includes(words))),
    )
    const asked = queriesAmong(statements)
    t.diagnostic(`${asked.length} statements`)
    assert.ok(asked.length > 50, `${asked.length} statements`)
    assert.deepEqual(await scansIn(database, asked), [])
    const kept = queriesAmong(await postgres.statements('kept'))
    t.diagnostic(`${kept.length} that are kept`)
    assert.ok(kept.length > 30, `${kept.length} that are kept`)
    // Such a plan is kept while a table grows.
    await runSql(database.url, `${someOfAll(100)}; analyze`)
    assert.deepEqual(await scansIn(database, kept), [])
    const anew: string[] = []
    await runSql(database.url, `${events(20_000)}; ${waiting(20_000)}; ${deliveries(20_000, 1)}; analyze`)
    for (const query of kept) if (!(await isPlannedOnce(database, query))) anew.push(query)
    assert.deepEqual(anew, [])
  })

  test('finds receipts by line, conversation or id, also by statistics of a moment when none was open', async () => {
    await using database = await postgres.database()
    await startReadback(nodeSettings(database)).then((server) => server[Symbol.asyncDispose]())
    await runSql(database.url, `${settled(20_000)}; analyze receipts`)
    for (const { text } of [LOCK_DUE, FIND_NEXT_DUE, JOIN_UNCHANGED]) {
      const conditions = conditionsOf(await planOf(database, text))
      const others = conditions.filter(
        (condition) => !/line_id = |conversation_id = |^\((id|key_id) = |^\(id >= \$0\)/.test(condition),
      )
      assert.deepEqual([conditions.length >= 2, others], [true, []])
    }
    const justReceipts = [SET_BACK, COUNT].map(({ text }) => [text, 1] as const)
    // Each with its conversation and its line, to be told of.
    const settling = [SETTLE, EXPIRE, SKIP_REMOVED].map(({ text }) => [text, 3] as const)
    for (const [text, tables] of [...justReceipts, ...settling]) {
      const conditions = conditionsOf(await planOf(database, text))
      assert.deepEqual([conditions.length, conditions.filter((one) => !/^\(id = /.test(one))], [tables, []], text)
    }
  })

  test('asks each line and endpoint whether something waits, also by statistics of a moment when nothing did', async () => {
    await using database = await postgres.database()
    {
      await using d = await desk(database)
      await runSql(
        database.url,
        `alter table receipts set (autovacuum_enabled = off); alter table messages set (autovacuum_enabled = off);
         alter table webhook_deliveries set (autovacuum_enabled = off);
         insert into lines (account_id, number, connector, settings, inbound_secret, inbound_secret_hash, to_enrol, paused, status,
           created_at) select account_id, '+1415555' || (1000 + n), connector, settings, inbound_secret, n, 0, 0, status, 0
           from lines, generate_series(1, 100) as k (n);
         insert into webhooks (account_id, type, url, created_at)
           select account_id, 'receive', 'https://example.com/' || id, 0 from lines;
         ${settled(20_000)}; ${messages(20_000, null)}; ${deliveries(20_000, null)}; analyze;
         ${waiting(20_000)}; ${messages(20_000, 1)}; ${deliveries(20_000, 1)}`,
      )
      assert.deepEqual(await d.store.linesWithWork(), [d.lineId])
      assert.deepEqual(await d.store.linesWithMessages(), [d.lineId])
      assert.deepEqual(await d.store.webhooksWithWork(), [1])
    }
    // A connection tells of what it read when it ends.
    const read = await until(
      'it to be counted',
      () =>
        runSql<{ relname: string; read: number }>(
          database.url,
          `select relname, sum(idx_tup_read)::int as read from pg_stat_user_indexes
           where indexrelname in ('receipt_lanes', 'message_lanes', 'message_queue', 'delivery_lanes') group by relname`,
        ),
      (counted) => counted.every(({ read }) => read > 0),
    )
    assert.deepEqual(
      read.filter(({ read }) => read > 100),
      [],
    )
  })

  test('claims in the order of the lane, and sorts no more than it takes, whether much waits or little', async () => {
    await using database = await postgres.database()
    await startReadback(nodeSettings(database)).then((server) => server[Symbol.asyncDispose]())
    for (const count of [100, 100_000]) {
      await runSql(database.url, `${waiting(count)}; ${deliveries(count, 1)}; analyze; delete from receipts`)
      const [receipts, webhooks] = [await planOf(database, LOCK_DUE.text), await planOf(database, CLAIM.text)]
      assert.match(stepsOf(receipts).join('; '), /Limit; (Result; )+Index Scan by receipt_lanes/)
      assert.match(stepsOf(webhooks).join('; '), /Limit; (Result; )+LockRows; (Result; )*Index Scan by delivery_lanes/)
    }
  })

  test('gives up in the order of the lane, and sorts nothing, by statistics of a moment when little waited', async () => {
    await using database = await postgres.database()
    await startReadback(nodeSettings(database)).then((server) => server[Symbol.asyncDispose]())
    await runSql(
      database.url,
      `insert into webhook_deliveries (account_id, webhook_id, event_id, next_attempt_at, created_at)
       select 1, 1 + n % 40, n, n, n from generate_series(1, 20000) as k (n); analyze webhook_deliveries`,
    )
    const [row] = await runSql<Explained>(
      connectionOptions(database.url),
      `begin; ${IN_ORDER.text}; set local plan_cache_mode = force_generic_plan;
       prepare asked as ${GIVE_UP.text}; explain (format json) execute asked(1, 30000, 1000, false)`,
    )
    const steps = stepsOf(row?.['QUERY PLAN'][0]?.Plan as Plan)
    assert.ok(steps.includes('Index Scan by delivery_lanes'), steps.join('; '))
    assert.ok(!steps.some((step) => step.startsWith('Sort')), steps.join('; '))
  })

  test('looks for the overdue no further than it says, also by statistics of a moment when little waited', async () => {
    await using database = await postgres.database()
    const looks = await lookAtAll(database, () =>
      runSql(
        database.url,
        `alter table receipts set (autovacuum_enabled = off); ${settled(20_000)}; ${waiting(60)}; analyze receipts; ${waiting(60_000)}`,
      ),
    )
    // A connection tells of what it read when it ends.
    const [{ read }] = (await until(
      'it to be counted',
      () =>
        runSql<{ read: number }>(
          database.url,
          `select idx_tup_read::int as read from pg_stat_user_indexes where indexrelname = 'receipt_lanes' and idx_tup_read > 0`,
        ),
      ({ length }) => length > 0,
    )) as [{ read: number }]
    assert.ok(read < 4 * looks * ROWS_PER_LOOK, `${read} entries of the index`)
  })
})

/** So many conversations' receipts, none of them open. */
function settled(count: number): string {
  return `insert into receipts (account_id, line_id, conversation_id, state, trigger, requests, requested_at, expires_at, settled_at)
    select 1, 1 + n % 100, n, 'sent', 'api', 1, n, n, n from generate_series(1, ${count}) as k (n)`
}

/** Answers how many looks it takes to come through a lane that is filled like that. */
async function lookAtAll(database: Database, fill: () => Promise<unknown>): Promise<number> {
  await using d = await desk(database)
  await fill()
  let looks = 0
  for (let after: number | null = null; looks === 0 || after !== null; looks++) {
    assert.ok(looks < 20, 'it comes to no end')
    after = (await d.store.findOverdue({ lineId: d.lineId, after, at: 1 })).goOnAfter
  }
  return looks
}

/** So many receipts of one line that wait, in another order than they are due. */
function waiting(count: number): string {
  return `insert into receipts (account_id, line_id, conversation_id, trigger, requests, requested_at, next_attempt_at, expires_at)
    select 1, 1, -n - ${count}, 'api', 1, n, 1 + n * 7919 % 100003, 1000000 from generate_series(1, ${count}) as k (n)`
}

/** So many of one line's, sent or to be sent. */
function messages(count: number, dueAt: number | null): string {
  return `insert into messages (account_id, line_id, conversation_id, carrier_message_id, part, contact, service, reaction, sent_at,
      received_at, outbound, status, next_attempt_at)
    select 1, 1, n, n, 0, '', 'iMessage', 0, n, n, 1, '${dueAt === null ? 'SENT' : 'QUEUED'}', ${dueAt}::bigint
    from generate_series(1, ${count}) as k (n)`
}

/** So many in each table that the statements over arrays look rows up in. */
function someOfAll(count: number): string {
  return `insert into conversations (account_id, line_id, kind, address)
      select 1, 1, 'direct', n from generate_series(1, ${count}) as k (n);
    insert into seen_inbound (line_id, carrier_message_id, message_ids, seen_at)
      select 1, n, '[1]', n from generate_series(1, ${count}) as k (n);
    insert into handset_messages (line_id, contact, kind, conversation_address, carrier_message_id, part, service, written_at)
      select 1, n, 'direct', n, n, 0, 'iMessage', n from generate_series(1, ${count}) as k (n);
    ${settled(count)}; ${messages(count, null)}; ${deliveries(count, null)}; ${events(count)}`
}

/** So many of one line. */
function events(count: number): string {
  return `insert into events (account_id, line_id, type, event, at)
    select 1, 1, 'message.received', '{}', n from generate_series(1, ${count}) as k (n)`
}

/** So many to one endpoint. */
function deliveries(count: number, dueAt: number | null): string {
  return `insert into webhook_deliveries (account_id, webhook_id, event_id, state, next_attempt_at, created_at)
    select 1, 1, n, '${dueAt === null ? 'delivered' : 'waiting'}', ${dueAt}::bigint, n from generate_series(1, ${count}) as k (n)`
}

function conditionsOf(plan: Plan): string[] {
  const own = plan['Index Cond'] === undefined ? [] : [plan['Index Cond']]
  return [...own, ...(plan.Plans ?? []).flatMap(conditionsOf)]
}

function stepsOf(plan: Plan): string[] {
  const index = plan['Index Name'] === undefined ? '' : ` by ${plan['Index Name']}`
  return [`${plan['Node Type']}${index}`, ...(plan.Plans ?? []).flatMap(stepsOf)]
}

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
async function look(base: string, { keys }: Customer): Promise<void> {
  const key = { api_key_id: keys['sb-api-key-id'], api_secret_key: keys['sb-api-secret-key'] }
  const visitor = await signIn(base, key)
  const { body } = await visitor.must(200, 'GET', '/console/conversations')
  const { body: searched } = await visitor.must(
    200,
    'GET',
    `/console/conversations?search=${encodeURIComponent(CONTACT)}`,
  )
  const { conversation_id: id } = searched.data[0] ?? body.data[0]
  for (const path of ['overview', 'lines', 'keys', `conversations/${id}`, `conversations/${id}/handset`]) {
    await visitor.must(200, 'GET', `/console/${path}`)
  }
  await visitor.must(200, 'POST', '/console/api/mark-read', { number: CONTACT, from_number: LINE })
}

async function scansIn(database: Database, queries: readonly string[]): Promise<string[]> {
  const scans: string[] = []
  for (const query of queries) {
    for (const scan of scansOf(await planOf(database, query))) scans.push(`${scan}: ${query}`)
  }
  return scans
}

/** As a server's connection plans it for any values: an index that could be used is, since scanning is made dear. */
async function planOf({ url }: Database, query: string): Promise<Plan> {
  const count = Math.max(0, ...Array.from(query.matchAll(/\$(\d+)/g), ([, n]) => Number(n)))
  const values = count === 0 ? '' : `(${Array.from({ length: count }, () => 'null').join(', ')})`
  const rows = await runSql<Explained>(
    connectionOptions(url),
    `set plan_cache_mode = force_generic_plan; prepare asked as ${query};
     explain (format json) execute asked${values}`,
  )
  return rows[0]?.['QUERY PLAN'][0]?.Plan as Plan
}

function queriesAmong(statements: readonly string[]): string[] {
  return [...new Set(statements)].filter(
    (query) => /^(select|update|delete|with)\b/i.test(query) && !OTHERS.test(query) && !SELDOM.test(query),
  )
}

/** Whether it has one plan for any values once it was asked a few times, each for one row at the most, beyond the end of what is there. */
async function isPlannedOnce({ url }: Database, query: string): Promise<boolean> {
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

function scansOf(plan: Plan): string[] {
  const table = plan['Relation Name'] ?? ''
  const scanned = /Scan$/.test(plan['Node Type']) && GROWING.includes(table)
  const found = plan['Index Cond'] !== undefined || plan['Recheck Cond'] !== undefined
  const own = scanned && !found ? [`${plan['Node Type']} of ${table}`] : []
  return [...own, ...(plan.Plans ?? []).flatMap(scansOf)]
}
