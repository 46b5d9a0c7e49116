import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type CustomerServer, type Received, startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, type Customer, customer, enter, LINE, type Readback, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

const SECOND_LINE = '+19175550111'

interface Status {
  readonly message_handle: string
  readonly status: string
  readonly error_reason: string | null
  readonly date_read: string | null
}

async function send(account: Customer, message: object = {}): Promise<string> {
  const given = { number: CONTACT, from_number: LINE, content: 'Hi', ...message }
  return (await account.must(200, 'POST', '/api/send-message', given)).body.message_handle
}

async function statusOf(account: Customer, handle: string): Promise<Status> {
  return (await account.must(200, 'GET', `/api/status?handle=${handle}`)).body
}

function ended(account: Customer, handle: string): Promise<Status> {
  return until(
    `${handle} to leave the queue`,
    () => statusOf(account, handle),
    ({ status }) => status !== 'QUEUED',
  )
}

const bodiesAt = ({ received }: CustomerServer, path: string): Record<string, unknown>[] =>
  received.filter((came: Received) => came.path === path).map(({ body }) => JSON.parse(body))

describe('a message that a line sends', () => {
  let server: Readback
  let account: Customer
  before(async () => {
    server = await startReadback()
    account = await customer(server, { lines: [LINE, SECOND_LINE] })
  })
  after(() => server[Symbol.asyncDispose]())

  test('is QUEUED in the words of the SDK, then on the phone, and DELIVERED', async () => {
    const given = { number: CONTACT, from_number: LINE, content: 'Hello there', send_style: 'confetti' }
    const { body } = await account.must(200, 'POST', '/api/send-message', given)
    const { date_created, date_updated, message_handle, ...rest } = body
    assert.match(message_handle, /^msg_/)
    assert.ok(Date.parse(date_created) > 0 && date_updated === date_created)
    assert.deepEqual(rest, {
      account_email: 'customer@example.com',
      content: 'Hello there',
      date_read: null,
      error_code: null,
      error_message: null,
      error_reason: null,
      from_number: LINE,
      is_outbound: true,
      media_url: '',
      message_type: 'message',
      number: CONTACT,
      seat_id: null,
      send_style: 'confetti',
      sender_email: null,
      status: 'QUEUED',
    })
    assert.equal((await ended(account, message_handle)).status, 'DELIVERED')
    const [seen] = (await account.phone()) as unknown as Record<string, unknown>[]
    const { delivered_at, ...shown } = seen ?? {}
    assert.ok(typeof delivered_at === 'string')
    assert.deepEqual(shown, {
      message_handle,
      part: 0,
      content: 'Hello there',
      media_url: null,
      service: 'iMessage',
      read_at: null,
      from_line: true,
      send_style: 'confetti',
    })
  })

  test('has up to 20,000 letters, also where each is written in JSON that keeps to ASCII', async () => {
    const [number, content] = ['+14155550148', 'я'.repeat(20_000)]
    const escaped = JSON.stringify({ number, from_number: LINE, content }).replaceAll('я', '\\u044f')
    const headers = { ...account.keys, 'content-type': 'application/json' }
    const answer = await fetch(`${server.base}/api/send-message`, { method: 'POST', headers, body: escaped })
    const { message_handle } = (await answer.json()) as { message_handle: string }
    assert.equal((await ended(account, message_handle)).status, 'DELIVERED')
    assert.equal((await account.phone(number))[0]?.content, content)
  })

  test('goes after those that were accepted before it, whatever stood in their way', async () => {
    const number = '+14155550140'
    await account.carrier({ fail_next: 2, latency_ms: 5 })
    const handles = []
    for (const content of ['1', '2', '3', '4', '5']) handles.push(await send(account, { number, content }))
    for (const handle of handles) assert.equal((await ended(account, handle)).status, 'DELIVERED')
    await account.carrier({ latency_ms: 0 })
    assert.deepEqual(
      (await account.phone(number)).map(({ content }) => content),
      ['1', '2', '3', '4', '5'],
    )
  })

  test('waits for its own line alone, and no receipt waits for it', async () => {
    const number = '+14155550141'
    await account.carrier({ from_number: SECOND_LINE, latency_ms: 2_000 })
    const slow = await send(account, { number, from_number: SECOND_LINE })
    assert.equal((await ended(account, await send(account, { number }))).status, 'DELIVERED')
    await account.write({ number })
    assert.equal((await account.settled(await account.markRead(number))).state, 'sent')
    assert.equal((await statusOf(account, slow)).status, 'QUEUED')
    await account.carrier({ from_number: SECOND_LINE, latency_ms: 0 })
  })

  test('goes by the service by which the contact last wrote, and what that cannot carry is refused', async () => {
    const number = '+14155550142'
    await account.write({ number, service: 'RCS' })
    await ended(account, await send(account, { number, media_url: 'https://example.com/a.png' }))
    const own = (await account.phone(number)).at(-1) as unknown as Record<string, unknown>
    assert.deepEqual([own.service, own.media_url], ['RCS', 'https://example.com/a.png'])
    const styled = { number, from_number: LINE, content: 'Boo', send_style: 'slam' }
    const refused = await account.call('POST', '/api/send-message', styled)
    assert.deepEqual([refused.status, /send_style.*RCS/.test(refused.body.message)], [400, true])
  })

  test('is seen by its own account alone', async () => {
    const stranger = await customer(server, { lines: [] })
    const handle = await send(account)
    for (const word of [handle, 'msg_zzzzzz', 'none']) {
      assert.equal((await stranger.call('GET', `/api/status?handle=${word}`)).status, 404)
    }
    const other = await stranger.call('POST', '/api/send-message', { number: CONTACT, from_number: LINE, content: 'x' })
    assert.deepEqual(other.body, { status: 'ERROR', message: 'The from_number is not registered' })
    assert.equal(other.status, 404)
  })

  test('sets going the receipts that waited for a reply, and one who stops typing does not', async () => {
    const number = '+14155550143'
    const types = (state: string) =>
      account.must(200, 'POST', '/api/send-typing-indicator', { number, from_number: LINE, state })
    await server.operator.must(200, 'PATCH', `/operator/accounts/${account.accountId}`, { auto_mark_read: true })
    const timing = { auto_mark_read_timing: { mode: 'on_reply' } }
    await account.must(200, 'PATCH', '/readback/v1/settings', timing)
    for (const answer of [() => send(account, { number }), () => types('start')]) {
      const [handle] = await account.write({ number })
      const shown = async () => (await account.phone(number)).find(({ message_handle }) => message_handle === handle)
      await types('stop')
      const { data } = (await account.must(200, 'GET', '/readback/v1/receipts?limit=1')).body
      assert.deepEqual([data[0].reason, (await shown())?.read_at], ['awaiting_reply', null])
      await answer()
      await until('the receipt to go', shown, (seen) => seen?.read_at != null)
    }
    await server.operator.must(200, 'PATCH', `/operator/accounts/${account.accountId}`, { auto_mark_read: false })
  })

  const good = { number: CONTACT, from_number: LINE, content: 'Hi' }
  const RUBBISH: readonly (readonly [field: string, change: Record<string, unknown>])[] = [
    ...[null, 7, '', 'nobody', ['+14155551234'], {}].map((number) => ['number', { number }] as const),
    ...[null, 7, '', 'nobody', CONTACT.slice(1)].map((from_number) => ['from_number', { from_number }] as const),
    ...[null, 7, [], { text: 'x' }, 'x'.repeat(20_001), 'a\0b'].map((content) => ['content', { content }] as const),
    ['content', { content: '' }],
    ['content', { content: '   ' }],
    ['content', { content: undefined }],
    ...['media_url', 'status_callback'].flatMap((field) =>
      [
        null,
        7,
        '',
        'x',
        'ftp://example.com',
        'http://u:p@example.com',
        'http://169.254.169.254',
        'http://10.0.0.1',
      ].map((url) => [field, { [field]: url }] as const),
    ),
    ...[null, 7, '', 'sparkle', ['slam']].map((send_style) => ['send_style', { send_style }] as const),
    ...['app_card', 'reply_to', 'seat_id', 'colour'].map((field) => [field, { [field]: 'x' }] as const),
  ]
  test('is refused with the name of the field that is wrong', async () => {
    for (const [field, change] of RUBBISH) {
      const answer = await account.call('POST', '/api/send-message', { ...good, ...change })
      const told = `${JSON.stringify(change).slice(0, 100)}: ${answer.status} ${answer.body.message}`
      assert.equal(answer.status, 400, told)
      assert.ok(answer.body.message.includes(`\`${field}\``), told)
    }
    for (const query of ['', '?handle=', '?handle=a&handle=b', '?handle=msg_1&x=1']) {
      const answer = await account.call('GET', `/api/status${query}`)
      assert.deepEqual([answer.status, typeof answer.body.message], [400, 'string'], query)
    }
  })
})

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
