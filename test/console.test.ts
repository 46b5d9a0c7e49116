import assert from 'node:assert/strict'
import { request } from 'node:http'
import { describe, test } from 'node:test'
import { type Desk, describeOnBoth } from './support/both-engines.ts'
import { type Client, client } from './support/client.ts'
import { CONTACT, customer, LINE, OPERATOR_TOKEN, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'
import { keysOf, listen, signIn } from './support/visitor.ts'

const MARK = { number: CONTACT, from_number: LINE }

describeOnBoth((desk) => {
  describe('the console', () => describeConsole(desk))
  describe('what is not there, or no word of ours', () => describeRefusals(desk))
})

describe('the door to the console', () => {
  test('sends its cookie over TLS alone where a browser came that way', async () => {
    await using server = await startReadback({ READBACK_PUBLIC_URL: 'https://readback.example.com' })
    const opener = { operator_token: OPERATOR_TOKEN }
    const enter = async (host: string, origin: string) =>
      (await raw(server.base, 'POST', '/console/session', { host, origin }, opener)).cookie
    assert.match(await enter('readback.example.com', 'https://readback.example.com'), /; Secure$/)
    assert.match(await enter('127.0.0.1:7070', 'http://127.0.0.1:7070'), /; Max-Age=43200$/)
    // nginx puts a `Host` of its own, unless it is told to leave the browser's.
    assert.match(await enter('127.0.0.1:7070', 'https://readback.example.com'), /; Secure$/)
    assert.equal(await enter('127.0.0.1:7070', 'https://elsewhere.example.com'), '')
  })

  test('lets nobody guess: the eleventh wrong sign-in of a minute is told to wait, and locks nobody else out', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    await using server = await startReadback()
    const anybody = client(server.base, { origin: server.base })
    const wrong = { api_key_id: 'key_1', api_secret_key: 'wrong' }
    for (let i = 0; i < 10; i += 1) await anybody.must(401, 'POST', '/console/session', wrong)
    const answer = await anybody.must(429, 'POST', '/console/session', wrong)
    assert.equal(answer.headers.get('retry-after'), '60')
    await anybody.must(200, 'POST', '/console/session', { operator_token: OPERATOR_TOKEN })
    t.mock.timers.tick(60_000)
    await anybody.must(401, 'POST', '/console/session', wrong)
  })
})

function describeConsole(desk: Desk): void {
  test('signs in by an API key, and its cookie opens what the key does, under /console alone', async () => {
    const { server, account } = desk
    const visitor = await signIn(server.base, keysOf(account))
    const { body } = await visitor.must(200, 'GET', '/console/session')
    assert.deepEqual([body.kind, body.api_key_id], ['account', keysOf(account).api_key_id])
    await account.write()
    await visitor.must(200, 'POST', '/console/api/mark-read', MARK)
    const { body: list } = await account.must(200, 'GET', '/readback/v1/receipts')
    assert.equal(list.data[0].trigger, 'dashboard')
    for (const path of ['/api/lines', '/readback/v1/receipts']) await visitor.must(401, 'GET', path)
    await visitor.must(401, 'POST', '/api/mark-read', MARK)
    await visitor.must(403, 'GET', '/console/operator/accounts')
  })

  test('keeps its cookie from scripts, other sites and other paths, and for 12 hours', async () => {
    const { server, account } = desk
    const anybody = client(server.base, { origin: server.base })
    const answer = await anybody.must(200, 'POST', '/console/session', keysOf(account))
    const cookie = answer.headers.get('set-cookie') ?? ''
    assert.match(cookie, /^readback_session=[\w-]{43}; Path=\/console; HttpOnly; SameSite=Strict; Max-Age=43200$/)
  })

  test('ends a session when it is signed out, and all that a key opened when the key is deleted', async () => {
    const { server, account } = desk
    const first = await signIn(server.base, keysOf(account))
    const second = await signIn(server.base, keysOf(account))
    await first.must(200, 'DELETE', '/console/session')
    assert.equal((await first.must(200, 'GET', '/console/session')).body.kind, 'nobody')
    const refused = await first.must(401, 'GET', '/console/conversations')
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Bearer /)
    await second.must(200, 'GET', '/console/conversations')

    const { body: made } = await second.must(201, 'POST', '/console/keys')
    assert.deepEqual(await keyIds(second), [keysOf(account).api_key_id, made.api_key_id])
    const third = await signIn(server.base, { api_key_id: made.api_key_id, api_secret_key: made.api_secret_key })
    await third.must(200, 'GET', '/console/overview')
    await second.must(200, 'DELETE', `/console/keys/${made.api_key_id}`)
    assert.equal((await third.must(200, 'GET', '/console/session')).body.kind, 'nobody')
    await third.must(401, 'GET', '/console/overview')
    await third.must(401, 'POST', '/console/api/mark-read', MARK)
    await second.must(200, 'GET', '/console/overview')
  })

  test('knows nobody of an account that is disabled, and who was signed in again once it is enabled', async () => {
    const { server } = desk
    const account = await customer(server, { lines: [] })
    const visitor = await signIn(server.base, keysOf(account))
    const kind = async () => (await visitor.must(200, 'GET', '/console/session')).body.kind
    const change = (disabled: boolean) =>
      server.operator.must(200, 'PATCH', `/operator/accounts/${account.accountId}`, { disabled })
    await change(true)
    assert.equal(await kind(), 'nobody')
    await visitor.must(401, 'GET', '/console/events')
    await visitor.must(403, 'GET', '/console/conversations')
    const { body } = await visitor.must(403, 'POST', '/console/session', keysOf(account))
    assert.match(body.message, /disabled/)
    await change(false)
    assert.equal(await kind(), 'account')
  })

  test('lets the operator in by the token, to the operator’s doors and to no account’s', async () => {
    const { server } = desk
    const operator = await signIn(server.base, { operator_token: OPERATOR_TOKEN })
    assert.deepEqual((await operator.must(200, 'GET', '/console/session')).body, { status: 'OK', kind: 'operator' })
    await operator.must(200, 'GET', '/console/operator/accounts')
    await operator.must(401, 'GET', '/console/conversations')
    await operator.must(401, 'GET', '/operator/accounts')
  })

  test('refuses calls of other origins, and names that are not its own', async () => {
    const { server, account } = desk
    const { cookie } = await signIn(server.base, keysOf(account))
    const call = async (method: string, headers: Record<string, string>) =>
      (await raw(server.base, method, '/console/conversations', { cookie, ...headers })).status
    assert.equal(await call('GET', {}), 200)
    assert.equal(await call('GET', { 'sec-fetch-site': 'same-site' }), 403)
    assert.equal(await call('GET', { host: 'rebound.example' }), 403)
    assert.equal((await raw(server.base, 'GET', '/', { host: 'rebound.example' })).status, 403)
    const sites = [
      {},
      { origin: 'http://127.0.0.1:1' },
      { origin: 'null' },
      { origin: server.base, 'sec-fetch-site': 'cross-site' },
    ]
    for (const headers of sites) {
      const { status } = await raw(server.base, 'POST', '/console/keys', { cookie, ...headers })
      assert.equal(status, 403, JSON.stringify(headers))
    }
  })

  for (const body of [{}, { api_key_id: 'x' }, { operator_token: 1 }, { link_token: 'x', more: 1 }, 'null', '[]']) {
    test(`refuses the sign-in ${JSON.stringify(body)} with what it wants`, async () => {
      const { base } = desk.server
      const answer = await client(base, { origin: base }).call('POST', '/console/session', body)
      assert.equal(answer.status, 400)
      assert.match(answer.body.message, /api_key_id|more/)
    })
  }

  test('shows an account its own alone', async () => {
    const { server, account } = desk
    const other = await customer(server, { lines: ['+19175550101'] })
    const [handle] = await account.write({ number: '+14155550160' })
    const mine = await signIn(server.base, keysOf(account))
    const theirs = await signIn(server.base, keysOf(other))
    const { body } = await mine.must(200, 'GET', '/console/conversations?search=%2B14155550160')
    const [{ conversation_id: id }] = body.data
    for (const path of [
      `/console/conversations/${id}`,
      `/console/conversations/${id}/handset`,
      `/console/messages/${handle}`,
    ]) {
      await mine.must(200, 'GET', path)
      await theirs.must(404, 'GET', path)
    }
    assert.deepEqual((await theirs.must(200, 'GET', '/console/conversations')).body.data, [])
    assert.deepEqual(await keyIds(theirs), [keysOf(other).api_key_id])
    await theirs.must(404, 'POST', `/console/lines/${encodeURIComponent(LINE)}/probe`)
    await theirs.must(404, 'DELETE', `/console/keys/${keysOf(account).api_key_id}`)
  })

  test('hears every 15 s that the server is still there', async (t) => {
    const { server, account } = desk
    const visitor = await signIn(server.base, keysOf(account))
    t.mock.timers.enable({ apis: ['setInterval'] })
    await using stream = await listen(server.base, visitor.cookie)
    await until('the stream to be open', stream.text, (text) => text.includes('event: hello'))
    t.mock.timers.tick(15_000)
    await until('a word of the server', stream.text, (text) => text.includes('event: beat'))
  })

  test('says at once that something changed, and no more once the session has ended', async () => {
    const { server, account } = desk
    const visitor = await signIn(server.base, keysOf(account))
    await using stream = await listen(server.base, visitor.cookie)
    const changes = () => stream.text().split('event: change').length - 1
    const before = changes()
    await account.write({ number: '+14155550161' })
    await until('the change to be told', changes, (count) => count > before)
    const { status } = await raw(server.base, 'HEAD', '/console/events', { cookie: visitor.cookie })
    assert.equal(status, 200)
    await visitor.must(200, 'DELETE', '/console/session')
    await stream.ended
  })
}

function describeRefusals(desk: Desk): void {
  const BAD: readonly [number, string, string, RegExp?][] = [
    [404, 'GET', '/console/conversations/conv_zzz'],
    [404, 'GET', '/console/conversations/nothing/handset'],
    [400, 'GET', '/console/conversations/conv_1?before=x', /before/],
    [400, 'GET', '/console/conversations/conv_1?more=1', /more/],
    [404, 'GET', '/console/messages/x'],
    [404, 'POST', '/console/webhooks/x/test'],
    [404, 'DELETE', '/console/keys/key_x'],
    [400, 'POST', '/console/lines/x/probe', /number/],
    [404, 'GET', '/console/lines/%2B19175550199/inbound-url'],
    [404, 'GET', '/console/nothing'],
    [405, 'PUT', '/console/conversations'],
  ]
  test('is refused in the envelope, and the field is named', async () => {
    const { server, account } = desk
    const visitor = await signIn(server.base, keysOf(account))
    for (const [status, method, path, message] of BAD) {
      const { body } = await visitor.must(status, method, path)
      assert.equal(body.status, 'ERROR', path)
      if (message !== undefined) assert.match(body.message, message)
      if (status !== 405)
        await client(server.base, { origin: server.base }).must(path.endsWith('nothing') ? 404 : 401, method, path)
    }
  })
}

async function keyIds(visitor: Client): Promise<string[]> {
  const { data } = (await visitor.must(200, 'GET', '/console/keys')).body
  return data.map(({ api_key_id }: { api_key_id: string }) => api_key_id)
}

/** With headers that `fetch` would not send. */
function raw(
  base: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: object,
): Promise<{ status: number; cookie: string }> {
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const call = request(`${base}${path}`, { method, headers: { ...type, ...headers } }, (response) => {
      response.resume()
      resolve({ status: response.statusCode ?? 0, cookie: response.headers['set-cookie']?.[0] ?? '' })
    })
    call.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
  })
}
