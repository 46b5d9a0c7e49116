import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import { client } from './support/client.ts'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
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
