import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fixture from './fixtures/bluebubbles/macos15-webhooks.json' with { type: 'json' }
import { eventOf, startBlueBubbles } from './support/bluebubbles.ts'
import { post, send, serveCarrier } from './support/carrier.ts'
import { dataFolder } from './support/data-folder.ts'
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
import { CONTACT, customer, enter, LINE, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'

describe('several nodes on one PostgreSQL', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)

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

/** How many lines each node has that has any. */
async function spread({ url }: Database): Promise<number[]> {
  const rows = await runSql<{ lines: number }>(
    url,
    'select count(*)::int as lines from line_leases where node in (select id from nodes) group by node order by 1',
  )
  return rows.map(({ lines }) => lines)
}
