import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fixture from './fixtures/bluebubbles/macos15-webhooks.json' with { type: 'json' }
import { eventOf, startBlueBubbles } from './support/bluebubbles.ts'
import { post, send, serveCarrier } from './support/carrier.ts'
import { dataFolder } from './support/data-folder.ts'
import { listen } from './support/event-reader.ts'
import { connect } from './support/mac-line.ts'
import {
  type Database,
  locked,
  nodeSettings,
  postgresServer,
  requirePostgres,
  runSql,
  waiting,
} from './support/postgres.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'

/** `npm run chaos` sets 2,000. */
const TOGGLES = Number(process.env.CHAOS_TOGGLES ?? 200)
const PATH = '/accounts/settings/auto-mark-read'

describe('several nodes on one PostgreSQL', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)

  test('start at the same instant on an empty database', async () => {
    await using database = await postgres.database()
    await using stack = new AsyncDisposableStack()
    const starting = Array.from({ length: 3 }, async () => stack.use(await startReadback(nodeSettings(database))))
    const [first, ...others] = await Promise.all(starting)
    const account = await customer(first as NonNullable<typeof first>)
    for (const { base } of others) await enter(base, account.accountId, account.keys).must(200, 'GET', PATH)
  })

  test('send what any of them accepts, and show the same phone', async () => {
    await using database = await postgres.database()
    await using a = await startReadback(nodeSettings(database))
    await using b = await startReadback(nodeSettings(database))
    const onA = await customer(a)
    const onB = enter(b.base, onA.accountId, onA.keys)
    for (const [writer, caller] of [
      [onA, onB],
      [onB, onA],
    ] as const) {
      await writer.write()
      const startedAt = performance.now()
      const id = await caller.markRead()
      assert.equal((await writer.settled(id)).state, 'sent')
      const ms = performance.now() - startedAt
      // Without the nudge it would be half a minute.
      assert.ok(ms < 10_000, `nudged by the other node it took ${ms} ms`)
      assert.deepEqual(await onA.phone(), await onB.phone())
      assert.notEqual((await caller.phone()).at(-1)?.read_at, null)
    }
  })

  test('have no stale setting: on or off at one, the next inbound at another obeys', async () => {
    await using database = await postgres.database()
    await using stack = new AsyncDisposableStack()
    const { callers } = await startThree(database, stack)
    let expected = 0
    for (let round = 0; round < TOGGLES; round++) {
      const on = round % 2 === 0
      const [one, another] = [callers[round % 3], callers[(round + 1) % 3]] as [Customer, Customer]
      await one.must(200, 'POST', PATH, { auto_mark_read: on })
      await another.write({ number: `+1415${5_550_100 + (round % 100)}`, message_id: `message ${round}` })
      expected += on ? 1 : 0
    }
    const [{ requests } = { requests: 0 }] = await runSql<{ requests: number }>(
      database.url,
      `select sum(requests)::int as requests from receipts where trigger = 'auto'`,
    )
    assert.equal(requests, expected)
  })

  test('lose none of the calls that they take for the same conversations at the same moment', async () => {
    await using database = await postgres.database()
    await using stack = new AsyncDisposableStack()
    const { operator, callers } = await startThree(database, stack)
    await operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(LINE)}`, { paused: true })
    const ids = await Promise.all(
      Array.from({ length: 600 }, (_, call) => (callers[call % 3] as Customer).markRead(`+1415555010${call % 5}`)),
    )
    const stored = await runSql<{ id: number; requests: number }>(database.url, 'select id, requests from receipts')
    assert.equal(stored.length, 5)
    assert.equal(new Set(ids).size, 5)
    assert.equal(
      stored.reduce((sum, { requests }) => sum + Number(requests), 0),
      600,
    )
  })

  test('refuse a key that was revoked at another by the very next call', async () => {
    await using database = await postgres.database()
    await using a = await startReadback(nodeSettings(database))
    await using b = await startReadback(nodeSettings(database))
    const onA = await customer(a)
    const path = `/operator/accounts/${onA.accountId}/keys`
    for (let round = 0; round < 20; round++) {
      const { body } = await a.operator.must(201, 'POST', path)
      const keys = { 'sb-api-key-id': body.api_key_id, 'sb-api-secret-key': body.api_secret_key }
      const onB = enter(b.base, onA.accountId, keys)
      await onB.markRead()
      await a.operator.must(200, 'DELETE', `${path}/${body.api_key_id}`)
      const refused = await onB.call('POST', '/api/mark-read', { number: '+14155551234', from_number: LINE })
      assert.equal(refused.status, 401)
    }
  })

  test('tell of events wherever one listens', async () => {
    await using database = await postgres.database()
    await using a = await startReadback(nodeSettings(database))
    await using b = await startReadback(nodeSettings(database))
    const onA = await customer(a)
    await using reader = await listen(b.base, onA.keys)
    const [handle] = await onA.write()
    assert.equal((await reader.at(0)).data.message_handle, handle)
    const id = await onA.markRead()
    assert.equal((await reader.at(1)).data.receipt_id, id)
  })

  test('show that a line types for as long as the last call says, whichever of them took the one before', async () => {
    await using database = await postgres.database()
    await using a = await startReadback(nodeSettings(database))
    await using b = await startReadback(nodeSettings(database))
    const onA = await customer(a)
    const onB = enter(b.base, onA.accountId, onA.keys)
    for (const [number, latency_ms] of [
      ['+14155550101', 0],
      // On its way when the one before it ends.
      ['+14155550102', 1_500],
    ] as const) {
      const place = { number, from_number: LINE }
      const show = (by: Customer, max_duration_ms: number) =>
        by.must(200, 'POST', '/api/send-typing-indicator', { ...place, max_duration_ms })
      await show(onA, 1_000)
      await onA.carrier({ latency_ms })
      await show(onB, 3_000)
      const shownAt = performance.now()
      await onA.carrier({ latency_ms: 0 })
      await until(
        'it to end by itself',
        async () => (await onB.must(200, 'GET', `/simulator/handset?${new URLSearchParams(place)}`)).body.typing,
        (seen) => !seen,
      )
      const ms = performance.now() - shownAt
      assert.ok(ms > 2_000, `it ended after ${ms} ms`)
    }
  })

  test('spread the lines among them, and again when one comes or goes', async () => {
    await using database = await postgres.database()
    const settings = { ...nodeSettings(database), READBACK_LEASE_S: '2', READBACK_CARRIER_TIMEOUT_S: '1' }
    const lines = Array.from({ length: 12 }, (_, index) => `+1917555${String(100 + index).padStart(4, '0')}`)
    await using a = await startReadback(settings)
    const onA = await customer(a, { lines })
    await until(
      'one to have all',
      () => spread(database),
      (held) => String(held) === '12',
    )
    await using b = await startReadback(settings)
    await until(
      'two to have half each',
      () => spread(database),
      (held) => String(held) === '6,6',
    )
    await using _c = await startReadback(settings)
    await until(
      'three to have a third each',
      () => spread(database),
      (held) => String(held) === '4,4,4',
    )
    const ids = await Promise.all(lines.map((line) => onA.markRead(CONTACT, line)))
    await b.stop()
    await until(
      'two to have half each',
      () => spread(database),
      (held) => String(held) === '6,6',
    )
    for (const id of ids) assert.equal((await onA.settled(id)).state, 'sent')
  })

  test('carry at once what one takes in the moment in which it ends and another has its line already', async () => {
    await using database = await postgres.database()
    const settings = { ...nodeSettings(database), READBACK_LEASE_S: '4', READBACK_CARRIER_TIMEOUT_S: '2' }
    await using a = await startReadback(settings)
    const onA = await customer(a)
    await until(
      'A to have the line',
      () => spread(database),
      (held) => String(held) === '1',
    )
    await using b = await startReadback(settings)
    const conversations = await locked(database, 'lock table conversations in share mode')
    const asked = onA.markRead()
    await waiting(database, 1)
    const holder = () =>
      runSql<{ id: string; until: string }>(database.url, 'select n.* from line_leases join nodes n on n.id = node')
    const [before] = await holder()
    const stopped = a.stop()
    const [taken] = await until('B to have the line', holder, ([now]) => now !== undefined && now.id !== before?.id)
    // When it took the line it looked for what waits there.
    await until('B to have renewed its lease', holder, ([now]) => now?.until !== taken?.until)
    await conversations[Symbol.asyncDispose]()
    const id = await asked
    const answeredAt = performance.now()
    await stopped
    assert.equal((await enter(b.base, onA.accountId, onA.keys).settled(id)).state, 'sent')
    const ms = performance.now() - answeredAt
    // Without the nudge it would be half a minute.
    assert.ok(ms < 10_000, `it took ${ms} ms`)
  })

  test('send the messages of a line whose carrier takes no receipts for now, as one without others does', async () => {
    await using carrier = await serveCarrier(async ({ url }, response) => {
      const away = { status: 503, headers: { 'retry-after': '60' }, body: {} }
      send(
        response,
        url === '/api/mark-read' ? away : { status: 202, body: { status: 'QUEUED', message_handle: 'handle-there' } },
      )
    })
    await using database = await postgres.database()
    const soon = { READBACK_LEASE_S: '2', READBACK_CARRIER_TIMEOUT_S: '1' }
    await using a = await startReadback({ ...nodeSettings(database), ...soon })
    const onA = await customer(a, { lines: [] })
    const keys = {
      api_key_id: 'key-at-sendblue',
      api_secret_key: 'api-secret-there',
      signing_secret: 'signing-secret-there',
    }
    const draft = { number: LINE, connector: 'sendblue', settings: { ...keys, base_url: carrier.url } }
    await a.operator.must(201, 'POST', `/operator/accounts/${onA.accountId}/lines`, draft)
    const id = await onA.markRead()
    await until(
      'a try to fail',
      () => onA.receipt(id),
      ({ attempts }) => attempts > 0,
    )
    const [before] = await runSql<{ until: string }>(database.url, 'select until from nodes')
    await until(
      'the lease to be renewed',
      () => runSql<{ until: string }>(database.url, 'select until from nodes'),
      ([now]) => now?.until !== before?.until,
    )
    const message = { number: CONTACT, from_number: LINE, content: 'Hello' }
    const { body } = await onA.must(200, 'POST', '/api/send-message', message)
    const status = async () => (await onA.must(200, 'GET', `/api/status?handle=${body.message_handle}`)).body.status
    await until('it to be sent', status, (seen) => seen === 'SENT')
  })

  test('keep their lines where another cannot start', async () => {
    await using database = await postgres.database()
    await using folder = await dataFolder()
    await using a = await startReadback(nodeSettings(database))
    await customer(a)
    const env = { ...nodeSettings(database), PORT: new URL(a.base).port }
    await assert.rejects(startProcess({ dataDir: folder.path, env }), /EADDRINUSE/)
    const nodes = await runSql(database.url, 'select 1 from nodes')
    assert.equal(nodes.length, 1)
  })

  test('fetch what came late, whichever of them its webhook called', async () => {
    await using mac = await startBlueBubbles()
    await using database = await postgres.database()
    const soon = { READBACK_LEASE_S: '3', READBACK_CARRIER_TIMEOUT_S: '0.5' }
    const settings = { ...nodeSettings(database), ...soon, READBACK_CATCH_UP_INTERVAL_S: '3600' }
    await using a = await startReadback(settings)
    const { account } = await connect(a, mac)
    await until(
      'A to have the line',
      () => spread(database),
      (held) => String(held) === '1',
    )
    await using b = await startReadback(settings)
    const row = mac.messages.write({ text: '\uFFFC', attachments: [] })
    const [webhook] = mac.webhooks
    assert.equal(await post((webhook?.url ?? '').replace(a.base, b.base), eventOf(row)), 200)
    mac.messages.link(row.guid, { attachments: fixture['two-attachments'].data.attachments })
    const messages = async () => (await account.must(200, 'GET', '/api/v2/messages')).body.data
    await until('it to be stored', messages, ({ length }) => length === 2)
  })

  test('tell a Mac that was away where to call, though the one that was asked to is gone', async () => {
    await using mac = await startBlueBubbles()
    await using other = await startBlueBubbles()
    await using database = await postgres.database()
    const settings = { ...nodeSettings(database), READBACK_CATCH_UP_INTERVAL_S: '0.2' }
    await using a = await startReadback(settings)
    const { line } = await connect(a, mac)
    await until(
      'A to have the line',
      () => spread(database),
      (held) => String(held) === '1',
    )
    await using b = await startReadback(settings)
    other.faults.set('webhooks', 'reset')
    const change = { settings: { url: other.url, password: other.password } }
    await b.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(line)}`, change)
    await b.stop()
    other.faults.clear()
    await until(
      'the Mac to know where to call',
      () => other.webhooks,
      ({ length }) => length === 1,
    )
  })

  test('send messages that any of them accepts, and end those of a node that died as interrupted', async () => {
    await using database = await postgres.database()
    await using folder = await dataFolder()
    // By a lease of a second, on a machine that is busy, A may lose the line to B before it dies.
    const settings = { ...nodeSettings(database), READBACK_LEASE_S: '3', READBACK_CARRIER_TIMEOUT_S: '0.5' }
    const a = await startProcess({ dataDir: folder.path, env: settings })
    const onA = await customer(a)
    await until(
      'A to have the line',
      () => spread(database),
      (held) => String(held) === '1',
    )
    await using b = await startReadback(settings)
    const onB = enter(b.base, onA.accountId, onA.keys)
    const send = (content: string) =>
      onB.must(200, 'POST', '/api/send-message', { number: CONTACT, from_number: LINE, content })
    await send('Sent by A')
    await until(
      'the phone to show it',
      () => onB.phone(),
      ([message]) => message?.content === 'Sent by A',
    )
    await onB.carrier({ latency_ms: 5_000 })
    const underWay = 'Under way when A dies'
    const { body } = await send(underWay)
    // The phone shows the one before while A has yet to write that it was sent.
    const calls = `select 1 from messages where content = '${underWay}' and status = 'QUEUED' and next_attempt_at is null`
    await until(
      'the call',
      () => runSql(database.url, calls),
      (rows) => rows.length === 1,
    )
    await a.end('SIGKILL')
    const status = async () => (await onB.must(200, 'GET', `/api/status?handle=${body.message_handle}`)).body.status
    await until('it to be ended', status, (seen) => seen === 'ERROR')
    await onB.carrier({ latency_ms: 0 })
    await send('Sent by B')
    await until(
      'the phone to show it',
      () => onB.phone(),
      (messages) => messages.at(-1)?.content === 'Sent by B',
    )
  })
})

/** One account, by each of three nodes. */
async function startThree(database: Database, stack: AsyncDisposableStack) {
  const quiet = { ...nodeSettings(database), LOG_LEVEL: 'warn' }
  const a = stack.use(await startReadback(quiet))
  const others = [stack.use(await startReadback(quiet)), stack.use(await startReadback(quiet))]
  const onA = await customer(a)
  const callers = [onA, ...others.map(({ base }) => enter(base, onA.accountId, onA.keys))]
  return { operator: a.operator, callers }
}

/** How many lines each node has that has any. */
async function spread({ url }: Database): Promise<number[]> {
  const rows = await runSql<{ lines: number }>(
    url,
    'select count(*)::int as lines from line_leases where node in (select id from nodes) group by node order by 1',
  )
  return rows.map(({ lines }) => lines)
}
