import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { RequestListener, ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { type CustomerServer, type Received, startCustomerServer } from './support/customer-server.ts'
import { dataFolder, startProcess } from './support/process.ts'
import { CONTACT, type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'
import { signIn } from './support/visitor.ts'

const PATH = '/api/account/webhooks'
const OTHER_LINE = '+19175550100'

const add = (account: Customer, webhooks: unknown[], more: object = {}) =>
  account.must(200, 'POST', PATH, { webhooks, ...more })

async function deliveries(account: Customer, query = '') {
  return (await account.must(200, 'GET', `/readback/v1/webhook-deliveries${query}`)).body.data
}

const verified = (secret: string, { body, headers }: Received) =>
  new Webhook(secret.startsWith('whsec_') ? secret : Buffer.from(secret).toString('base64')).verify(
    body,
    headers as Record<string, string>,
  )

describe('a receive webhook', () => {
  test('has the 25 fields of the original, one webhook for each part', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server)
    await add(account, [sink.url])
    const [first, second] = await account.write({
      media_urls: ['https://example.com/1.png', 'https://example.com/2.png'],
    })
    const bodies = [await sink.at(0), await sink.at(1)].map(({ body }) => JSON.parse(body))
    bodies.sort((a, b) => (a.message_handle < b.message_handle ? -1 : 1))
    const { date_sent, date_updated, ...message } = bodies[0]
    assert.ok(Date.parse(date_sent) <= Date.parse(date_updated))
    assert.deepEqual(message, {
      accountEmail: 'customer@example.com',
      content: 'Hello',
      is_outbound: false,
      status: 'RECEIVED',
      error_code: null,
      error_message: null,
      error_reason: null,
      error_detail: null,
      message_handle: first,
      from_number: CONTACT,
      number: CONTACT,
      to_number: LINE,
      sendblue_number: LINE,
      was_downgraded: null,
      plan: 'free_api',
      media_url: 'https://example.com/1.png',
      message_type: 'message',
      group_id: '',
      group_display_name: null,
      participants: [],
      send_style: '',
      opted_out: false,
      service: 'iMessage',
    })
    assert.deepEqual(
      [bodies[1].message_handle, bodies[1].content, bodies[1].media_url],
      [second, '', 'https://example.com/2.png'],
    )
    assert.equal(Object.keys(bodies[0]).length, 25)
  })

  test('is signed in three ways, which stock verifiers take and a tampered, an old or a foreign one fails', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server)
    const { globalSecret } = (await add(account, [sink.url])).body.webhooks
    await account.write()
    const came = await sink.at(0)
    assert.match(globalSecret, /^whsec_/)
    assert.deepEqual(verified(globalSecret, came), JSON.parse(came.body))
    assert.throws(() => verified(globalSecret, { ...came, body: `${came.body} ` }))
    assert.throws(() => verified(`whsec_${Buffer.from('another').toString('base64')}`, came))
    const old = { ...came.headers, 'webhook-timestamp': String(Number(came.headers['webhook-timestamp']) - 3_600) }
    assert.throws(() => verified(globalSecret, { ...came, headers: old }))
    assert.equal(came.headers['sb-signing-secret'], globalSecret)
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(came.headers['x-sendblue-signature'])) ?? []
    assert.equal(v1, createHmac('sha256', globalSecret).update(`${t}.${came.body}`).digest('hex'))
    assert.match(String(came.headers['webhook-id']), /^dlv_/)
  })

  test('is signed by both secrets for a day after one replaced the other', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server)
    await add(account, [sink.url, { url: `${sink.url}/own`, secret: 'own-secret-one' }], {
      globalSecret: 'first-secret',
    })
    await add(account, [{ url: `${sink.url}/own`, secret: 'own-secret-two' }], { globalSecret: 'second-secret' })
    await account.write()
    for (const came of [await sink.at(0), await sink.at(1)]) {
      const secrets = came.path === '/own' ? ['own-secret-two', 'own-secret-one'] : ['second-secret', 'first-secret']
      for (const secret of secrets) verified(secret, came)
      assert.equal(came.headers['sb-signing-secret'], secrets[0])
      assert.match(String(came.headers['x-sendblue-signature']), /^t=\d+(,v1=[0-9a-f]{64}){2}$/)
    }
  })

  test('comes for the lines that an endpoint names alone, and for groups with their names', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server, { lines: [LINE, OTHER_LINE] })
    await add(account, [{ url: sink.url, sendblue_numbers: [OTHER_LINE] }])
    await account.write()
    await account.write({ to_number: OTHER_LINE, group_id: 'friends' })
    const group = JSON.parse((await sink.at(0)).body)
    assert.deepEqual(
      [group.to_number, group.message_type, group.group_id, group.participants],
      [OTHER_LINE, 'group', 'friends', [CONTACT, OTHER_LINE]],
    )
    assert.equal((await deliveries(account)).length, 1)
  })

  test('comes once, though the carrier brings the message twice', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server)
    await add(account, [sink.url])
    for (const _ of [1, 2]) await account.write({ message_id: 'the same' })
    await account.write({ message_id: 'another' })
    await Promise.all([sink.at(0), sink.at(1)])
    assert.equal((await deliveries(account)).length, 2)
  })
})

test('a read_receipt webhook tells how a receipt ended, with reason and trigger', async () => {
  await using sink = await startCustomerServer()
  await using server = await startReadback()
  const account = await customer(server, { auto: true })
  await add(account, [sink.url], { type: 'read_receipt' })
  await account.write()
  const sent = JSON.parse((await sink.at(0)).body)
  assert.deepEqual([sent.number, sent.state, sent.reason, sent.trigger], [CONTACT, 'sent', null, 'auto'])
  await account.write({ service: 'SMS', number: '+14155550123' })
  await account.markRead('+14155550123')
  const skipped = JSON.parse((await sink.at(1)).body)
  assert.deepEqual([skipped.state, skipped.reason, skipped.trigger], ['skipped', 'sms', 'api'])
  await account.carrier({ pace_per_s: 0.001 })
  await account.markRead()
  await sink.at(2)
  const waiting = await account.markRead()
  await server.operator.must(200, 'DELETE', `/operator/lines/${encodeURIComponent(LINE)}`)
  const removed = JSON.parse((await sink.at(3)).body)
  assert.deepEqual([removed.receipt_id, removed.state, removed.reason], [waiting, 'skipped', 'line_removed'])
})

const TROUBLE: readonly (readonly [
  how: string,
  answer: RequestListener,
  status: number | null,
  reason: string | null,
])[] = [
  ['500', (_, response) => response.writeHead(500).end('broken'), 500, null],
  [
    'a redirect to a metadata address',
    (_, r) => r.writeHead(301, { location: 'http://169.254.169.254/' }).end(),
    301,
    null,
  ],
  ['a closed connection', (request) => request.socket.destroy(), null, 'unreachable'],
  [
    'half an answer',
    (_, r) => r.writeHead(200, { 'content-length': 9 }).write('h', () => r.destroy()),
    null,
    'broken_answer',
  ],
]

describe('an endpoint in trouble', () => {
  for (const [how, answer, status, reason] of TROUBLE) {
    test(`that answers ${how} is tried again, under the same id, and the log tells of both`, async () => {
      await using sink = await startCustomerServer()
      await using server = await startReadback()
      const account = await customer(server)
      await add(account, [sink.url])
      sink.answer = answer
      await account.write()
      const [waiting] = await until(
        'the first try to be written down',
        () => deliveries(account),
        ([delivery]) => delivery?.attempts.length === 1,
      )
      assert.deepEqual(
        [waiting.state, waiting.attempts[0].status, waiting.attempts[0].reason],
        ['waiting', status, reason],
      )
      const wait = Date.parse(waiting.next_attempt_at) - Date.parse(waiting.attempts[0].at)
      assert.ok(wait >= 4_000 && wait <= 6_000, `${wait} ms`)
      sink.answer = (_, response) => response.end('thanks')
      await account.must(200, 'POST', `/readback/v1/webhook-deliveries/${waiting.delivery_id}/redeliver`)
      const [done] = await until(
        'it to be delivered',
        () => deliveries(account, '?state=delivered'),
        ({ length }) => length === 1,
      )
      assert.deepEqual(
        done.attempts.map((attempt: { status: number }) => attempt.status),
        [status, 200],
      )
      assert.equal(done.attempts[1].answer, 'thanks')
      assert.equal(new Set(sink.received.map(({ headers }) => headers['webhook-id'])).size, 1)
      assert.equal(sink.received.length, 2)
    })
  }

  test('that asks for patience is given it', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server)
    await add(account, [sink.url])
    sink.answer = (_, response) => response.writeHead(503, { 'retry-after': '120' }).end()
    await account.write()
    const [waiting] = await until(
      'the try to be written down',
      () => deliveries(account),
      ([delivery]) => delivery?.attempts.length === 1,
    )
    assert.equal(Date.parse(waiting.next_attempt_at) - Date.parse(waiting.attempts[0].at), 120_000)
  })

  test('that answers 10 MB has taken it, and no more of that is kept than of any other', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server)
    await add(account, [sink.url])
    sink.answer = (_, response) => response.end('x'.repeat(10 * 1024 * 1024))
    await account.write()
    const [done] = await until(
      'it to be delivered',
      () => deliveries(account, '?state=delivered'),
      ({ length }) => length === 1,
    )
    assert.deepEqual([done.attempts[0].status, done.attempts[0].answer], [200, 'x'.repeat(4_096)])
  })

  test('that is gone gets nothing more, until it is added again', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server)
    await add(account, [sink.url])
    sink.answer = (_, response) => response.writeHead(410).end()
    await account.write()
    const states = async () => (await account.must(200, 'GET', '/readback/v1/webhooks')).body.data
    const [gone] = await until('it to be disabled', states, ([webhook]) => webhook?.state === 'disabled')
    assert.equal(gone.reason, 'gone')
    await account.write()
    assert.equal((await deliveries(account)).length, 1)
    sink.answer = (_, response) => response.end()
    await add(account, [sink.url])
    await account.write()
    assert.equal((await sink.at(1)).headers['webhook-id'] === sink.received[0]?.headers['webhook-id'], false)
  })

  test('that is gone is called where a person asks for it, and for nothing else that waited', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server)
    await add(account, [sink.url])
    // More than go out together.
    const held: ServerResponse[] = []
    sink.answer = (_, response) => held.push(response)
    for (let message = 0; message < 40; message++) await account.write()
    await sink.at(31)
    for (const response of held) response.writeHead(410).end()
    sink.answer = (_, response) => response.end('thanks')
    const failed = await until(
      'all to be given up',
      () => deliveries(account, '?state=failed'),
      ({ length }) => length === 40,
    )
    await account.must(200, 'POST', `/readback/v1/webhook-deliveries/${failed[0].delivery_id}/redeliver`)
    assert.equal((await sink.at(32)).headers['webhook-id'], failed[0].delivery_id)
    const { 'sb-api-key-id': api_key_id, 'sb-api-secret-key': api_secret_key } = account.keys
    const visitor = await signIn(server.base, { api_key_id, api_secret_key })
    const [{ webhook_id }] = (await account.must(200, 'GET', '/readback/v1/webhooks')).body.data
    await visitor.must(200, 'POST', `/console/webhooks/${webhook_id}/test`)
    await until(
      'both to be delivered',
      () => deliveries(account, '?state=delivered'),
      ({ length }) => length === 2,
    )
    assert.deepEqual([sink.received.length, (await deliveries(account, '?state=failed')).length], [34, 39])
  })

  test('that is removed is called no more, and what would be due later ends at once', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server)
    await add(account, [sink.url])
    sink.answer = (_, response) => response.writeHead(503, { 'retry-after': '36000' }).end()
    await account.write()
    await until(
      'the try to be written down',
      () => deliveries(account, '?state=waiting'),
      ([delivery]) => delivery?.attempts.length === 1,
    )
    await account.must(200, 'PUT', PATH, { webhooks: { receive: [] } })
    await until(
      'it to end',
      () => deliveries(account, '?state=failed'),
      ({ length }) => length === 1,
    )
    assert.equal(sink.received.length, 1)
  })

  test('that hangs, or answers without end, delays neither another nor a receipt', async () => {
    await using dead = await startCustomerServer()
    await using endless = await startCustomerServer()
    await using well = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server, { auto: true })
    dead.answer = () => {}
    endless.answer = (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', more)
      more()
    }
    await add(account, [dead.url, endless.url, well.url])
    for (let message = 0; message < 50; message++) await account.write()
    await well.at(49)
    await until(
      'every message to be read',
      () => account.phone(),
      (shown) => shown.every(({ read_at }) => read_at !== null),
    )
    const logged = await until(
      'the endless one to be cut off',
      () => deliveries(account, '?state=delivered&limit=200'),
      ({ length }) => length === 100,
    )
    const cut = logged.find(({ url }: { url: string }) => url === endless.url)
    assert.equal(cut.attempts[0].answer, 'x'.repeat(4_096))
  })
})

test('a webhook survives kill -9 between the commit and its delivery, with the id that it had', async () => {
  await using sink = await startCustomerServer()
  await using folder = await dataFolder()
  await using first = await startProcess({ dataDir: folder.path })
  const account = await customer(first)
  await add(account, [sink.url])
  // Taken and not answered: the worst moment.
  sink.answer = () => {}
  await Promise.all(Array.from({ length: 50 }, () => account.write()))
  await sink.at(10)
  await first.end('SIGKILL')
  const before = new Set(sink.received.map(({ headers }) => headers['webhook-id']))
  sink.answer = (_, response) => response.end()
  const seen = sink.received.length
  await using second = await startProcess({ dataDir: folder.path })
  const again = enter(second.base, account.accountId, account.keys)
  await until(
    'all to be delivered',
    () => deliveries(again, '?state=delivered&limit=200'),
    ({ length }) => length === 50,
  )
  const after = new Set(sink.received.slice(seen).map(({ headers }) => headers['webhook-id']))
  assert.equal(after.size, 50)
  for (const id of before) assert.ok(after.has(id))
})

async function listed(account: Customer) {
  return (await account.must(200, 'GET', PATH)).body.webhooks
}

describe('an account’s endpoints', () => {
  const url = 'https://example.com/hook'
  test('are appended by POST, replaced by PUT, and removed by DELETE', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    assert.deepEqual((await listed(account)).receive, [])
    await add(account, [url])
    await add(account, [`${url}/2`, { url, secret: 'a-secret-of-its-own' }])
    await add(account, [url], { type: 'outbound' })
    assert.deepEqual((await listed(account)).receive, [{ url, secret: 'a-secret-of-its-own' }, `${url}/2`])
    await account.must(200, 'PUT', PATH, { webhooks: { receive: [`${url}/3`], read_receipt: [url] } })
    const { receive, outbound, read_receipt } = await listed(account)
    assert.deepEqual([receive, outbound, read_receipt], [[`${url}/3`], [], [url]])
    await account.must(200, 'DELETE', PATH, { webhooks: [url, `${url}/3`] })
    const left = await listed(account)
    assert.deepEqual([left.receive, left.read_receipt], [[], [url]])
  })

  test('of a known type that is never sent are taken with a warning; of an unknown one refused with a list', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    const { warnings } = (await add(account, [url], { type: 'call_log' })).body
    assert.match(warnings[0], /call_log/)
    for (const [method, body] of [
      ['POST', { webhooks: [url], type: 'smoke_signal' }],
      ['PUT', { webhooks: { smoke_signal: [url] } }],
      ['DELETE', { webhooks: [url], type: 'smoke_signal' }],
    ] as const) {
      const answer = await account.call(method, PATH, body)
      assert.equal(answer.status, 400)
      assert.match(answer.body.message, /receive, outbound, typing_indicator/)
    }
  })

  const BAD_URLS = [
    'ftp://example.com',
    'example.com',
    '',
    'https://user:password@example.com',
    `https://example.com/${'x'.repeat(5_000)}`,
    'http://10.0.0.1/',
    'http://169.254.169.254/latest',
    'http://[::ffff:169.254.169.254]/',
    'http://metadata.google.internal/',
    'http://0x0a000001/',
  ]
  for (const bad of BAD_URLS) {
    test(`${bad.slice(0, 60)} is refused as one, and nothing is kept`, async () => {
      await using server = await startReadback()
      const account = await customer(server)
      for (const given of [bad, { url: bad }]) {
        const answer = await account.call('POST', PATH, { webhooks: [url, given] })
        assert.equal(answer.status, 400, JSON.stringify(answer.body))
        assert.match(answer.body.message, /webhooks/)
      }
      assert.equal((await account.call('PUT', PATH, { webhooks: { receive: [bad] } })).status, 400)
      assert.deepEqual((await listed(account)).receive, [])
    })
  }

  test('name none but the account’s own lines', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    await customer(server, { lines: [OTHER_LINE] })
    const answer = await account.call('POST', PATH, { webhooks: [{ url, sendblue_numbers: [OTHER_LINE] }] })
    assert.equal(answer.status, 400)
    assert.match(answer.body.message, /sendblue_numbers/)
  })

  test('are not another account’s, nor are its deliveries', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback()
    const account = await customer(server)
    const stranger = await customer(server, { lines: [] })
    await add(account, [sink.url])
    await account.write()
    await sink.at(0)
    const [{ delivery_id }] = await deliveries(account)
    assert.deepEqual(await deliveries(stranger), [])
    assert.deepEqual((await listed(stranger)).receive, [])
    assert.equal((await stranger.call('POST', `/readback/v1/webhook-deliveries/${delivery_id}/redeliver`)).status, 404)
    await stranger.must(200, 'DELETE', PATH, { webhooks: [sink.url] })
    assert.deepEqual((await listed(account)).receive, [sink.url])
  })

  test('at a name that leads to a private address are never called, and the log says why', async () => {
    await using sink = await startCustomerServer()
    await using server = await startReadback({ READBACK_WEBHOOK_ALLOW: '192.0.2.1' })
    const account = await customer(server)
    await add(account, [sink.url.replace('127.0.0.1', 'localhost')])
    await account.write()
    const [refused] = await until(
      'the try to be written down',
      () => deliveries(account),
      ([delivery]) => delivery?.attempts.length === 1,
    )
    assert.deepEqual([refused.attempts[0].status, refused.attempts[0].reason], [null, 'forbidden_address'])
    assert.equal(sink.received.length, 0)
  })
})

test('no secret and no message text of a webhook reaches the log', async () => {
  await using sink: CustomerServer = await startCustomerServer()
  await using server = await startReadback()
  const account = await customer(server)
  await add(account, [{ url: sink.url, secret: 'secret-of-an-endpoint' }], { globalSecret: 'secret-of-the-account' })
  sink.answer = (_, response) => response.writeHead(500).end('secret-of-an-endpoint')
  await account.write({ content: 'words of a contact' })
  await until(
    'the try to be written down',
    () => deliveries(account),
    ([delivery]) => delivery?.attempts.length === 1,
  )
  const said = server.logs.join('\n')
  for (const secret of ['secret-of-an-endpoint', 'secret-of-the-account', 'words of a contact', CONTACT]) {
    assert.ok(!said.includes(secret))
  }
})
