import assert from 'node:assert/strict'
import type { RequestListener, ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { customer, startReadback } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'
import { signIn } from './support/visitor.ts'
import { addWebhooks, deliveries, WEBHOOKS } from './support/webhooks.ts'

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
  const server = shareReadback()

  for (const [how, answer, status, reason] of TROUBLE) {
    test(`that answers ${how} is tried again, under the same id, and the log tells of both`, async () => {
      await using sink = await startCustomerServer()
      const account = await customer(server, { lines: [ownLine()] })
      await addWebhooks(account, [sink.url])
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
      const { at, ms } = waiting.attempts[0]
      const wait = Date.parse(waiting.next_attempt_at) - (Date.parse(at) + ms)
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

  test('is said to fail since its first try that did, and no more once one was taken', async () => {
    await using sink = await startCustomerServer()
    const account = await customer(server, { lines: [ownLine()] })
    const addedAt = Date.now()
    await addWebhooks(account, [sink.url])
    const fares = async () => (await account.must(200, 'GET', '/readback/v1/webhooks')).body.data[0]
    const { failing_since, created_at } = await fares()
    assert.equal(failing_since, null)
    const at = Date.parse(created_at)
    assert.ok(at >= addedAt && at <= Date.now(), created_at)
    sink.answer = (_, response) => response.writeHead(500).end()
    await account.write()
    const failing = await until('it to fail', fares, (webhook) => webhook.failing_since !== null)
    const [{ attempts, delivery_id }] = await deliveries(account)
    assert.deepEqual([failing.state, failing.failing_since], ['enabled', attempts[0].at])
    sink.answer = (_, response) => response.end()
    await account.must(200, 'POST', `/readback/v1/webhook-deliveries/${delivery_id}/redeliver`)
    await until('it to take one', fares, (webhook) => webhook.failing_since === null)
  })

  test('that asks for patience is given it', async () => {
    await using sink = await startCustomerServer()
    const account = await customer(server, { lines: [ownLine()] })
    await addWebhooks(account, [sink.url])
    sink.answer = (_, response) => response.writeHead(503, { 'retry-after': '120' }).end()
    await account.write()
    const [waiting] = await until(
      'the try to be written down',
      () => deliveries(account),
      ([delivery]) => delivery?.attempts.length === 1,
    )
    const { at, ms } = waiting.attempts[0]
    assert.equal(Date.parse(waiting.next_attempt_at) - Date.parse(at) - ms, 120_000)
  })

  test('that fails right before its server ends is tried again in its time by the next', async () => {
    await using sink = await startCustomerServer()
    await using folder = await dataFolder()
    const settings = { READBACK_DATA_DIR: folder.path }
    await using before = await startReadback(settings)
    const account = await customer(before)
    await addWebhooks(account, [sink.url])
    sink.answer = (_, response) => response.writeHead(503).end()
    await account.write()
    await until(
      'the try to be written down',
      () => deliveries(account),
      ([delivery]) => delivery?.attempts.length === 1,
    )
    await before.stop()
    await using _after = await startReadback(settings)
    const [first, second] = [await sink.at(0), await sink.at(1)]
    assert.ok(second.at - first.at < 10_000, `${second.at - first.at} ms`)
  })

  test('that answers 10 MB has taken it, and no more of that is kept than of any other', async () => {
    await using sink = await startCustomerServer()
    const account = await customer(server, { lines: [ownLine()] })
    await addWebhooks(account, [sink.url])
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
    const account = await customer(server, { lines: [ownLine()] })
    await addWebhooks(account, [sink.url])
    sink.answer = (_, response) => response.writeHead(410).end()
    await account.write()
    const states = async () => (await account.must(200, 'GET', '/readback/v1/webhooks')).body.data
    const [gone] = await until('it to be disabled', states, ([webhook]) => webhook?.state === 'disabled')
    assert.equal(gone.reason, 'gone')
    await account.write()
    assert.equal((await deliveries(account)).length, 1)
    sink.answer = (_, response) => response.end()
    await addWebhooks(account, [sink.url])
    await account.write()
    assert.equal((await sink.at(1)).headers['webhook-id'] === sink.received[0]?.headers['webhook-id'], false)
  })

  test('that is gone is called where a person asks for it, and for nothing else that waited', async () => {
    await using sink = await startCustomerServer()
    const account = await customer(server, { lines: [ownLine()] })
    await addWebhooks(account, [sink.url])
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
    const account = await customer(server, { lines: [ownLine()] })
    await addWebhooks(account, [sink.url])
    sink.answer = (_, response) => response.writeHead(503, { 'retry-after': '36000' }).end()
    await account.write()
    await until(
      'the try to be written down',
      () => deliveries(account, '?state=waiting'),
      ([delivery]) => delivery?.attempts.length === 1,
    )
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: { receive: [] } })
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
    const account = await customer(server, { auto: true, lines: [ownLine()] })
    dead.answer = () => {}
    endless.answer = (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', more)
      more()
    }
    await addWebhooks(account, [dead.url, endless.url, well.url])
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
