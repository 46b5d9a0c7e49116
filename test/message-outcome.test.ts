import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CustomerServer, type Received, startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { ended, type Status, send, statusOf } from './support/sending.ts'
import { until } from './support/until.ts'

const bodiesAt = ({ received }: CustomerServer, path: string): Record<string, unknown>[] =>
  received.filter((came: Received) => came.path === path).map(({ body }) => JSON.parse(body))

test('a message that its carrier does not take in time ends ERROR with what stood in the way', async () => {
  await using server = await startReadback({ READBACK_MESSAGE_TTL_S: '1' })
  const account = await customer(server)
  await account.carrier({ offline: true })
  const handle = await send(account)
  const { status, error_reason } = await ended(account, handle)
  assert.deepEqual([status, error_reason], ['ERROR', 'unreachable'])
  assert.deepEqual(await account.phone(), [])
})

test('a message that waits has an obstacle, and no error until it failed, wherever it is looked up', async () => {
  await using server = await startReadback()
  const account = await customer(server)
  await account.carrier({ offline: true })
  const handle = await send(account)
  const status = () => account.must(200, 'GET', `/api/status?handle=${handle}`)
  const { body } = await until('a try to fail', status, (answer) => answer.body.error_reason !== null)
  const kept = (await account.must(200, 'GET', `/api/v2/messages/${handle}`)).body.data
  for (const { status, error_reason, error_message } of [body, kept]) {
    assert.deepEqual([status, error_reason, error_message], ['QUEUED', 'unreachable', null])
  }
})

test('a paused line keeps its messages until it goes on, and one that is removed ends them', async () => {
  await using server = await startReadback()
  const account = await customer(server)
  const line = `/operator/lines/${encodeURIComponent(LINE)}`
  await server.operator.must(200, 'PATCH', line, { paused: true })
  const first = await send(account, { content: 'first' })
  assert.equal((await statusOf(account, first)).error_reason, 'line_paused')
  await server.operator.must(200, 'PATCH', line, { paused: false })
  assert.equal((await ended(account, first)).status, 'DELIVERED')
  await server.operator.must(200, 'PATCH', line, { paused: true })
  const second = await send(account, { content: 'second' })
  await server.operator.must(200, 'DELETE', line)
  const { status, error_reason } = await ended(account, second)
  assert.deepEqual([status, error_reason], ['ERROR', 'line_removed'])
})

test('each change of a status is told to outbound webhooks and to the message’s own status_callback, signed', async () => {
  await using sink = await startCustomerServer()
  await using server = await startReadback()
  const account = await customer(server)
  await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [`${sink.url}/outbound`], type: 'outbound' })
  const handle = await send(account, { status_callback: `${sink.url}/callback` })
  const told = await until(
    'both to be told of both',
    () => ['/outbound', '/callback'].map((path) => bodiesAt(sink, path)),
    (lists) => lists.every(({ length }) => length === 2),
  )
  for (const bodies of told) {
    assert.deepEqual(bodies.map(({ status }) => status).sort(), ['DELIVERED', 'QUEUED'])
    for (const body of bodies) {
      assert.deepEqual([body.message_handle, body.is_outbound, body.to_number], [handle, true, CONTACT])
      assert.equal(Object.keys(body).length, 25)
    }
  }
  for (const { headers } of sink.received) assert.match(String(headers['x-sendblue-signature']), /^t=\d+,v1=/)
  const listed = (await account.must(200, 'GET', '/api/account/webhooks')).body.webhooks
  assert.ok(!JSON.stringify(listed).includes('/callback'))
  const states = (await account.must(200, 'GET', '/readback/v1/webhooks')).body.data
  assert.deepEqual(
    states.map(({ type }: { type: string }) => type),
    ['outbound'],
  )
  // To replace all that are listed replaces no message's own.
  await account.must(200, 'PUT', '/api/account/webhooks', { webhooks: { receive: [] } })
  const again = await send(account, { status_callback: `${sink.url}/callback` })
  await until(
    'the callback to be called again',
    () => bodiesAt(sink, '/callback').filter(({ message_handle }) => message_handle === again),
    ({ length }) => length === 2,
  )
  const log = (await account.must(200, 'GET', '/readback/v1/webhook-deliveries')).body.data
  assert.ok(
    log.some(({ type, url }: { type: string; url: string }) => type === 'status_callback' && url.endsWith('/callback')),
  )
  assert.ok(!server.logs.some((line) => line.includes(CONTACT) || line.includes('callback"')))
})

test('a status_callback alone is signed by a secret that is made for it', async () => {
  await using sink = await startCustomerServer()
  await using server = await startReadback()
  const account = await customer(server)
  await send(account, { status_callback: sink.url })
  const { headers } = await sink.at(0)
  const { globalSecret } = (await account.must(200, 'GET', '/api/account/webhooks')).body.webhooks
  assert.match(globalSecret, /^whsec_/)
  assert.equal(headers['sb-signing-secret'], globalSecret)
})

test('kill -9 in the middle of a queue loses no message, doubles none, and tells which may have been sent', async () => {
  await using folder = await dataFolder()
  const texts = Array.from({ length: 60 }, (_, index) => `text ${index}`)
  let keys: Customer['keys']
  let accountId: string
  const handles: string[] = []
  {
    await using server = await startProcess({ dataDir: folder.path })
    const account = await customer(server)
    ;({ keys, accountId } = account)
    await account.carrier({ latency_ms: 10 })
    for (const content of texts) handles.push(await send(account, { content }))
    await until(
      'some to be there and some not',
      () => account.phone(),
      ({ length }) => length > 3,
    )
    await server.end('SIGKILL')
  }
  await using server = await startProcess({ dataDir: folder.path })
  const account = enter(server.base, accountId, keys)
  const statuses: Status[] = []
  for (const handle of handles) statuses.push(await ended(account, handle))
  const shown = (await account.phone()).map(({ content }) => content)
  assert.deepEqual(shown, [...new Set(shown)], 'none is there twice')
  assert.ok(statuses.some(({ status }) => status === 'DELIVERED'))
  const lost = texts.filter((text, index) => statuses[index]?.status !== 'ERROR' && !shown.includes(text))
  assert.deepEqual(lost, [])
  const told = statuses.filter(({ status }) => status === 'ERROR')
  assert.ok(told.length <= 1 && told.every(({ error_reason }) => error_reason === 'interrupted'), JSON.stringify(told))
})
