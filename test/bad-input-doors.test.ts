import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CHALLENGE, defectsOf } from './support/bad-input.ts'
import { sendRaw } from './support/raw-http.ts'
import { type Customer, customer } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'

/** Every door, with a body or a path that is not good, and who may enter. */
const DOORS: readonly [method: string, path: string, who: 'account' | 'operator' | 'anybody'][] = [
  ['POST', '/api/mark-read', 'account'],
  ['POST', '/accounts/settings/auto-mark-read', 'account'],
  ['GET', '/account', 'account'],
  ['GET', '/api/evaluate-service', 'account'],
  ['POST', '/api/send-message', 'account'],
  ['POST', '/api/send-typing-indicator', 'account'],
  ['GET', '/api/status', 'account'],
  ['GET', '/api/lines', 'account'],
  ['GET', '/api/v2/lines/state', 'account'],
  ['GET', '/api/v2/events?types=none', 'account'],
  ['POST', '/v3/auth/tokens', 'account'],
  ['DELETE', '/v3/auth/tokens/none', 'account'],
  ['GET', '/api/v2/messages', 'account'],
  ['GET', '/api/v2/messages/none', 'account'],
  ['GET', '/api/account/webhooks', 'account'],
  ['POST', '/api/account/webhooks', 'account'],
  ['PUT', '/api/account/webhooks', 'account'],
  ['DELETE', '/api/account/webhooks', 'account'],
  ['GET', '/readback/v1/webhooks', 'account'],
  ['GET', '/readback/v1/webhook-deliveries', 'account'],
  ['POST', '/readback/v1/webhook-deliveries/none/redeliver', 'account'],
  ['GET', '/readback/v1/settings', 'account'],
  ['PATCH', '/readback/v1/settings', 'account'],
  ['GET', '/readback/v1/receipts', 'account'],
  ['GET', '/readback/v1/receipts/rcpt_none', 'account'],
  ['POST', '/simulator/messages', 'account'],
  ['GET', '/simulator/handset', 'account'],
  ['POST', '/simulator/handset/open', 'account'],
  ['POST', '/simulator/typing', 'account'],
  ['PUT', '/simulator/carrier', 'account'],
  ['POST', '/operator/accounts', 'operator'],
  ['GET', '/operator/accounts/acct_none', 'operator'],
  ['PATCH', '/operator/accounts/acct_none', 'operator'],
  ['POST', '/operator/accounts/acct_none/keys', 'operator'],
  ['DELETE', '/operator/accounts/acct_none/keys/none', 'operator'],
  ['POST', '/operator/accounts/acct_none/lines', 'operator'],
  ['GET', '/operator/lines', 'operator'],
  ['PATCH', '/operator/lines/none', 'operator'],
  ['DELETE', '/operator/lines/none', 'operator'],
  ['POST', '/operator/lines/none/probe', 'operator'],
  ['GET', '/operator/lines/none/inbound-url', 'operator'],
  ['POST', '/operator/lines/none/inbound-url', 'operator'],
  ['POST', '/readback/v1/inbound/none', 'anybody'],
  ['GET', '/healthz', 'anybody'],
  ['GET', '/readyz', 'anybody'],
  ['GET', '/openapi.json', 'anybody'],
  ['GET', '/docs/none', 'anybody'],
]

/** Bodies that are good for nothing, as text that goes out as it stands. */
const BODIES: readonly [what: string, body: string | Buffer][] = [
  ['half a JSON text', '{"number":"+1'],
  ['two JSON texts', '{}{}'],
  ['a bare word', 'undefined'],
  ['a NUL byte', '{"number":"\u0000"}'],
  ['an escaped NUL', '{"number":"\\u0000+14155551234","from_number":"\\u0000"}'],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ['a byte order mark', `\uFEFF{}`],
  ['a number', '1e400'],
  ['null', 'null'],
  ['a list', '[1,2,3]'],
  ['lists in lists, 20,000 deep', '['.repeat(20_000) + ']'.repeat(20_000)],
  ['1,000 keys', JSON.stringify(Object.fromEntries(Array.from({ length: 1_000 }, (_, key) => [`key${key}`, key])))],
  ['a key that is a prototype', '{"__proto__":{"number":"+14155551234"},"constructor":1}'],
]

describe('bad input', () => {
  let account: Customer
  // Ahead of what ends the server.
  after(async () => {
    assert.deepEqual(defectsOf(server), [])
    assert.deepEqual((await account.must(200, 'GET', '/readback/v1/receipts')).body.data, [])
  })
  const server = shareReadback()
  before(async () => {
    account = await customer(server)
  })

  const keysOf = (who: (typeof DOORS)[number][2]): Readonly<Record<string, string>> => {
    if (who === 'anybody') return {}
    return who === 'account' ? account.keys : { authorization: 'Bearer operator-token-of-a-test' }
  }

  test('is the envelope and nothing worse, at every door', async () => {
    for (const [method, path, who] of DOORS) {
      for (const [what, body] of BODIES) {
        const headers = { 'content-type': 'application/json', ...keysOf(who) }
        const response = await fetch(`${server.base}${path}`, {
          method,
          headers,
          ...(method === 'GET' ? {} : { body: body as string }),
        })
        const answer = JSON.parse(await response.text())
        const told = `${method} ${path} with ${what}: ${response.status} ${JSON.stringify(answer)}`
        assert.ok(response.status < 500, told)
        if (response.status >= 400) assert.deepEqual([answer.status, typeof answer.message], ['ERROR', 'string'], told)
      }
    }
  })

  test('is told in plain words, where a body is no object, and where a query says twice what it may say once', async () => {
    for (const [method, path] of [
      ['POST', '/simulator/messages'],
      ['PATCH', '/readback/v1/settings'],
      ['POST', '/api/account/webhooks'],
    ] as const)
      for (const body of ['null', '[]', '7']) {
        const answer = await account.must(400, method, path, body)
        assert.equal(answer.body.message, 'The body must be a JSON object', `${method} ${path} ${body}`)
      }
    for (const [path, field] of [
      ['/api/status?handle=a&handle=b', 'handle'],
      ['/api/v2/messages?limit=1&limit=2', 'limit'],
      ['/readback/v1/receipts?state=sent&state=failed', 'state'],
    ] as const) {
      const answer = await account.must(400, 'GET', path)
      assert.equal(answer.body.message, `\`${field}\` must be given once`, path)
    }
  })

  test('is no body at all where `{}` would be, at every door', async () => {
    for (const [method, path, who] of DOORS.filter(([method]) => method !== 'GET')) {
      const answers = ['{}', undefined].map(async (body) => {
        const headers = { ...keysOf(who), ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
        const response = await fetch(`${server.base}${path}`, {
          method,
          headers,
          ...(body === undefined ? {} : { body }),
        })
        return [response.status, JSON.parse(await response.text()).message]
      })
      const [empty, none] = await Promise.all(answers)
      assert.deepEqual(none, empty, `${method} ${path}`)
    }
  })

  test('is 401 without keys and 405 with another method, at every door', async () => {
    for (const [method, path, who] of DOORS) {
      if (who !== 'anybody') {
        const answer = await fetch(`${server.base}${path}`, { method })
        assert.equal(((await answer.json()) as { status: string }).status, 'ERROR', path)
        assert.deepEqual([answer.status, answer.headers.get('www-authenticate')], [401, CHALLENGE], path)
      }
      const response = await fetch(`${server.base}${path}`, { method: 'OPTIONS', headers: keysOf(who) })
      assert.equal(response.status, 405, path)
      assert.ok(response.headers.get('allow')?.includes(method), path)
      assert.equal(response.headers.get('access-control-allow-origin'), null)
    }
  })

  test('is answered also where a client sends on and on, which then calls again', async () => {
    const sent = 'x'.repeat(1_000_000)
    const body = () => ReadableStream.from(Array.from({ length: 20 }, () => Buffer.from(sent)))
    const stranger = { 'sb-api-key-id': 'x', 'sb-api-secret-key': 'x' }
    for (const [status, keys] of [
      [413, account.keys],
      [401, stranger],
    ] as const) {
      const headers = { ...keys, 'content-type': 'application/json' }
      const to = `${server.base}/api/mark-read`
      for (const sending of [{ body: sent.repeat(20) }, { body: body(), duplex: 'half' as const }]) {
        const answer = await fetch(to, { method: 'POST', headers, ...sending })
        assert.equal(answer.status, status)
        assert.equal(((await answer.json()) as { status: string }).status, 'ERROR')
      }
    }
    await account.must(200, 'GET', '/account')
  })

  test('is let go soon where they never come to an end', { timeout: 15_000 }, async () => {
    const head = ['POST /api/mark-read HTTP/1.1', 'host: localhost', 'content-type: application/json']
    const keys = Object.entries(account.keys).map(([name, value]) => `${name}: ${value}`)
    const answer = await sendRaw(
      server.base,
      Buffer.from([...head, ...keys, 'content-length: 1000000', '', '{'].join('\r\n')),
    )
    assert.equal(answer?.status, 413)
  })
})
