import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startCustomerServer } from './support/customer-server.ts'
import { type Customer, customer, startReadback } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'
import { keysOf, signIn } from './support/visitor.ts'
import { addWebhooks, deliveries, listed, WEBHOOKS } from './support/webhooks.ts'

describe('an account’s endpoints', () => {
  const url = 'https://example.com/hook'
  const server = shareReadback()

  test('are appended by POST, replaced by PUT, and removed by DELETE', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    assert.deepEqual((await listed(account)).receive, [])
    await addWebhooks(account, [url])
    await addWebhooks(account, [`${url}/2`, { url, secret: 'a-secret-of-its-own' }])
    await addWebhooks(account, [url], { type: 'outbound' })
    assert.deepEqual((await listed(account)).receive, [{ url, secret: 'a-secret-of-its-own' }, `${url}/2`])
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: { receive: [`${url}/3`], read_receipt: [url] } })
    const { receive, outbound, read_receipt } = await listed(account)
    assert.deepEqual([receive, outbound, read_receipt], [[`${url}/3`], [], [url]])
    await account.must(200, 'DELETE', WEBHOOKS, { webhooks: [url, `${url}/3`] })
    const left = await listed(account)
    assert.deepEqual([left.receive, left.read_receipt], [[], [url]])
  })

  test('keep by POST what it does not name, and are by PUT as they are given, signed by both secrets for a day', async () => {
    await using sink = await startCustomerServer()
    const otherLine = ownLine()
    const account = await customer(server, { lines: [ownLine(), otherLine] })
    const whole = { url: sink.url, secret: 'a-secret-of-its-own', sendblue_numbers: [otherLine] }
    await addWebhooks(account, [whole], { globalSecret: 'the-global-secret' })
    await addWebhooks(account, [sink.url])
    assert.deepEqual((await listed(account)).receive, [whole])
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: { receive: [sink.url] } })
    const { receive, globalSecret } = await listed(account)
    assert.deepEqual([receive, globalSecret], [[sink.url], 'the-global-secret'])
    await account.write()
    const { headers } = await sink.at(0)
    assert.equal(headers['sb-signing-secret'], 'the-global-secret')
    assert.match(String(headers['x-sendblue-signature']), /^t=\d+(,v1=[0-9a-f]{64}){2}$/)
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: { receive: [whole] } })
    await account.write({ to_number: otherLine })
    const own = (await sink.at(1)).headers
    assert.equal(own['sb-signing-secret'], 'a-secret-of-its-own')
    assert.match(String(own['x-sendblue-signature']), /^t=\d+(,v1=[0-9a-f]{64}){2}$/)
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: { receive: [sink.url], globalSecret: 'another-secret' } })
    assert.equal((await listed(account)).globalSecret, 'another-secret')
    await account.write()
    assert.equal((await sink.at(2)).headers['sb-signing-secret'], 'another-secret')
  })

  test('count once where a call names them twice', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    const urls = Array.from({ length: 100 }, (_, n) => `${url}/${n}`)
    const [last, ...others] = urls as [string, ...string[]]
    await account.must(200, 'POST', WEBHOOKS, { webhooks: others })
    await account.must(200, 'POST', WEBHOOKS, { webhooks: [last, last] })
    assert.deepEqual((await listed(account)).receive, [...others, last])
    const twice = { receive: urls.slice(1), outbound: [last, last] }
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: twice })
    assert.deepEqual((await listed(account)).outbound, [last])
  })

  test('are the same, however a URL is spelt that is called alike: it is told once, and shown as it was last given', async () => {
    await using sink = await startCustomerServer()
    const account = await customer(server, { lines: [ownLine()] })
    const [plain, odd] = [`${sink.url}/hook`, `${sink.url.replace('http', 'HTTP')}/./hook#odd`]
    await addWebhooks(account, [{ url: odd, secret: 'a-secret-of-its-own' }])
    await addWebhooks(account, [plain, odd, `${plain}#`, plain])
    assert.deepEqual((await listed(account)).receive, [{ url: plain, secret: 'a-secret-of-its-own' }])
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: { receive: [odd], outbound: [plain] } })
    assert.deepEqual((await listed(account)).receive, [odd])
    await account.write()
    assert.equal((await sink.at(0)).path, '/hook')
    assert.equal((await deliveries(account)).length, 1)
    await account.must(200, 'DELETE', WEBHOOKS, { webhooks: [plain] })
    const { receive, outbound } = await listed(account)
    assert.deepEqual([receive, outbound], [[], [plain]])
  })

  test('are taken back as they were given, though one of their lines is gone since', async () => {
    const [line, otherLine] = [ownLine(), ownLine()]
    const account = await customer(server, { lines: [line, otherLine] })
    await addWebhooks(account, [{ url, sendblue_numbers: [line, otherLine] }])
    await server.operator.must(200, 'DELETE', `/operator/lines/${encodeURIComponent(otherLine)}`)
    const { receive } = await listed(account)
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: { receive } })
    assert.deepEqual((await listed(account)).receive, receive)
    const another = [{ url: `${url}/2`, sendblue_numbers: [otherLine] }]
    assert.equal((await account.call('PUT', WEBHOOKS, { webhooks: { receive: another } })).status, 400)
  })

  test('are not another account’s, nor are its deliveries', async () => {
    await using sink = await startCustomerServer()
    const account = await customer(server, { lines: [ownLine()] })
    const stranger = await customer(server, { lines: [] })
    await addWebhooks(account, [sink.url])
    await account.write()
    await sink.at(0)
    const [{ delivery_id }] = await deliveries(account)
    assert.deepEqual(await deliveries(stranger), [])
    assert.deepEqual((await listed(stranger)).receive, [])
    assert.equal((await stranger.call('POST', `/readback/v1/webhook-deliveries/${delivery_id}/redeliver`)).status, 404)
    await stranger.must(200, 'DELETE', WEBHOOKS, { webhooks: [sink.url] })
    assert.deepEqual((await listed(account)).receive, [sink.url])
  })

  test('are sent the newest of their own account’s events on trial, and only while they are there', async () => {
    await using sink = await startCustomerServer()
    const account = await customer(server, { lines: [ownLine()] })
    const stranger = await customer(server, { lines: [] })
    for (const each of [account, stranger]) await addWebhooks(each, [sink.url])
    await account.write()
    await sink.at(0)
    const id = async (of: Customer) => (await of.must(200, 'GET', '/readback/v1/webhooks')).body.data[0].webhook_id
    const [theirs, own] = [await id(account), await id(stranger)]
    const [visitor, guest] = [await signIn(server.base, keysOf(account)), await signIn(server.base, keysOf(stranger))]
    await guest.must(404, 'POST', `/console/webhooks/${theirs}/test`)
    const nothing = await guest.must(400, 'POST', `/console/webhooks/${own}/test`)
    assert.match(nothing.body.message, /nothing to send yet/)
    await account.must(200, 'DELETE', WEBHOOKS, { webhooks: [sink.url] })
    await visitor.must(404, 'POST', `/console/webhooks/${theirs}/test`)
    assert.equal(sink.received.length, 1)
  })

  test('at a name that leads to a private address are never called, and the log says why', async () => {
    await using sink = await startCustomerServer()
    await using strict = await startReadback({ READBACK_WEBHOOK_ALLOW: '192.0.2.1' })
    const account = await customer(strict)
    await addWebhooks(account, [sink.url.replace('127.0.0.1', 'localhost')])
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
