import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { client } from './support/client.ts'
import { dataFolder } from './support/data-folder.ts'
import { locked, nodeSettings, postgresServer, requirePostgres, runSql } from './support/postgres.ts'
import { beginProcess, startProcess } from './support/process.ts'
import { CONTACT, customer, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

describe('a start', () => {
  test('is healthy and ready, and no longer ready while it drains', async () => {
    await using folder = await dataFolder()
    await using server = await startProcess({ dataDir: folder.path })
    const anybody = client(server.base)
    for (const path of ['/healthz', '/readyz']) {
      assert.deepEqual((await anybody.must(200, 'GET', path)).body, { status: 'OK' })
    }
    const account = await customer(server)
    await account.carrier({ latency_ms: 1_000 })
    const id = await account.markRead()
    const sending = () => account.receipt(id)
    await until('the call to be under way', sending, ({ state }) => state === 'sending')
    const stopped = once(server.child, 'close')
    server.child.kill('SIGTERM')
    const { body, headers } = await until(
      '503',
      () => anybody.call('GET', '/readyz'),
      ({ status }) => status === 503,
    )
    assert.deepEqual(body, { status: 'ERROR', message: 'This process is about to end' })
    assert.equal(headers.get('retry-after'), '1')
    assert.deepEqual(await stopped, [0, null])
    assert.match(server.output(), /"stopped"/)
    assert.doesNotMatch(server.output(), /the store is not available|Warning/)
  })

  test('ends when the last call is answered, though its client keeps the connection open', async () => {
    await using folder = await dataFolder()
    await using server = await startProcess({ dataDir: folder.path })
    const account = await customer(server)
    await account.write()
    await account.carrier({ latency_ms: 1_000 })
    const typing = account.call('POST', '/api/send-typing-indicator', { number: CONTACT, from_number: LINE })
    await account.must(200, 'GET', '/account')
    const stopped = once(server.child, 'close')
    server.child.kill('SIGTERM')
    await until(
      'it to listen no more',
      () => listens(server.base),
      (yes) => !yes,
    )
    assert.equal((await typing).status, 200)
    assert.deepEqual(await stopped, [0, null])
  })

  test('ends at once with a client that connected ahead and has sent nothing', async () => {
    await using server = await startReadback()
    const { hostname, port } = new URL(server.base)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    await client(server.base).must(200, 'GET', '/healthz')
    const startedAt = performance.now()
    await server.stop()
    assert.ok(performance.now() - startedAt < 5_000, 'it waited for it')
    socket.destroy()
  })

  test('ends all the same with a client that sent half a call', async () => {
    await using folder = await dataFolder()
    await using server = await startProcess({ dataDir: folder.path, env: { READBACK_CARRIER_TIMEOUT_S: '0.1' } })
    const socket = await halfACall(server.base)
    const closed = once(socket, 'close')
    await client(server.base).must(200, 'GET', '/healthz')
    assert.equal(await server.end('SIGTERM'), 0)
    await closed
  })
})

describe('a start that is broken off', { skip: requirePostgres() }, () => {
  test('once it calls carriers finishes what is under way, writes it down and gives its lines back', async () => {
    await using postgres = await postgresServer()
    await using database = await postgres.database()
    await using folder = await dataFolder()
    await using before = await startReadback(nodeSettings(database))
    const account = await customer(before)
    await account.carrier({ offline: true })
    const id = await account.markRead()
    await until(
      'it to wait',
      () => account.receipt(id),
      ({ attempts }) => attempts > 0,
    )
    await before.stop()
    await runSql(database.url, 'update simulated_carriers set offline = 0, latency_ms = 2000')
    await runSql(database.url, 'update receipts set next_attempt_at = 0')
    // What a start asks for last.
    const late = await locked(database, 'lock table webhook_deliveries')
    await using server = beginProcess({ dataDir: folder.path, env: nodeSettings(database) })
    await until(
      'the call to be under way',
      () => runSql(database.url, 'select 1 from receipts where next_attempt_at is null and settled_at is null'),
      ({ length }) => length === 1,
    )
    const ended = server.end('SIGTERM')
    await Promise.race([
      ended,
      until(
        'it to hear',
        async () => server.output(),
        (text) => text.includes('finishing'),
      ),
    ])
    await late[Symbol.asyncDispose]()
    assert.equal(await ended, 0, server.output())
    const [receipt] = await runSql<{ state: string }>(database.url, 'select state from receipts')
    assert.equal(receipt?.state, 'sent')
    assert.deepEqual(await runSql(database.url, 'select 1 from line_leases where node is not null'), [])
    assert.doesNotMatch(server.output(), /Readback serves/)
  })
})

/** One that sends half a call. */
async function halfACall(base: string): Promise<Socket> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  socket.write(
    'POST /api/mark-read HTTP/1.1\r\nhost: readback\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
  )
  await once(socket, 'connect')
  return socket
}

async function listens(base: string): Promise<boolean> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
