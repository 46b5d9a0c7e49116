import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { client } from './support/client.ts'
import { nodeSettings, postgresServer, requirePostgres } from './support/postgres.ts'
import {
  CONTACT,
  type Customer,
  customer,
  LINE,
  OPERATOR_TOKEN,
  type Readback,
  startReadback,
} from './support/readback.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'
import { listen, signIn } from './support/visitor.ts'

const MARK = { number: CONTACT, from_number: LINE }

type Settings = () => Promise<Readonly<Record<string, string>>>

describe('on SQLite', () => describeBoth(async () => ({})))

describe('on PostgreSQL', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)
  describeBoth(async () => nodeSettings(await postgres.database()))
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

/** A server on that engine, and an account of it with a line. */
interface Desk {
  server: Readback
  account: Customer
}

function describeBoth(settings: Settings): void {
  const desk = {} as Desk
  before(async () => {
    desk.server = await startReadback(await settings())
    desk.account = await customer(desk.server)
  })
  after(() => desk.server[Symbol.asyncDispose]())
  describe('the console', () => describeConsole(desk))
  describe('what is not there, or no word of ours', () => describeRefusals(desk))
  describe('conversations in the console', () => describeConversations(desk))
}

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
    const third = await signIn(server.base, { api_key_id: made.api_key_id, api_secret_key: made.api_secret_key })
    await third.must(200, 'GET', '/console/overview')
    await second.must(200, 'DELETE', `/console/keys/${made.api_key_id}`)
    assert.equal((await third.must(200, 'GET', '/console/session')).body.kind, 'nobody')
    await third.must(401, 'GET', '/console/overview')
    await third.must(401, 'POST', '/console/api/mark-read', MARK)
    await second.must(200, 'GET', '/console/overview')
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

function describeConversations(desk: Desk): void {
  test('come newest first, by pages that meet, and by what one looks for', async () => {
    const { server } = desk
    const [line, other] = ['+19175550102', '+19175550103']
    const account = await customer(server, { lines: [line, other] })
    const visitor = await signIn(server.base, keysOf(account))
    const number = (i: number) => `+14155550${100 + i}`
    for (let i = 0; i < 25; i += 1)
      await account.write({ number: number(i), to_number: line, ...(i % 5 === 0 ? { service: 'SMS' } : {}) })
    await account.write({ number: number(3), to_number: line, content: 'again' })
    const stranger = await customer(server, { lines: ['+19175550104'] })
    for (let i = 0; i < 11; i += 1) await stranger.write({ number: number(i), to_number: '+19175550104' })
    const list = async (query: Record<string, string>) => {
      const { body } = await visitor.must(200, 'GET', `/console/conversations?${new URLSearchParams(query)}`)
      return body
    }
    const numbers = async (query: Record<string, string>) =>
      (await list(query)).data.map((each: { number: string }) => each.number)
    const pages: string[][] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { data: { number: string }[]; next_cursor: string | null } = await list({
        limit: '10',
        ...(cursor === '' ? {} : { cursor }),
      })
      pages.push(page.data.map((each) => each.number))
      cursor = page.next_cursor
    }
    const rest = Array.from({ length: 25 }, (_, i) => number(24 - i)).filter((each) => each !== number(3))
    assert.deepEqual(pages.flat(), [number(3), ...rest])
    assert.deepEqual(
      pages.map(({ length }) => length),
      [10, 10, 5],
    )
    assert.equal((await list({ limit: '25' })).next_cursor, null)

    assert.deepEqual((await list({ search: '(415) 555-0124' })).data, [])
    assert.equal((await list({ search: '1 (415) 555-0124' })).data[0].number, number(24))
    assert.equal((await list({ service: 'SMS' })).data.length, 5)
    assert.equal((await list({ from_number: other })).data.length, 0)
    const sms = await account.settled(await account.markRead(number(5), line))
    assert.equal(sms.reason, 'sms')
    await account.settled(await account.markRead(number(6), line))
    assert.deepEqual(await numbers({ state: 'failed' }), [number(5)])
    assert.deepEqual(await numbers({ state: 'read' }), [number(6)])
    assert.equal((await list({ state: 'unread' })).data.length, 24)
    await account.write({ number: 'ada@example.com', to_number: line })
    for (const group_id of ['Team-A', '20260401']) await account.write({ number: number(1), to_number: line, group_id })
    for (const [search, found] of [
      ['Ada', 'ada@example.com'],
      ['Team', 'Team-A'],
      ['2026', '20260401'],
    ] as const) {
      assert.deepEqual(await numbers({ search }), [found])
    }
    const path = `/operator/lines/${encodeURIComponent(line)}`
    await server.operator.must(200, 'PATCH', path, { paused: true })
    await account.markRead(number(1), line)
    assert.equal((await list({ search: number(1) })).data[0].receipt.reason, 'line_paused')
  })

  for (const query of [
    'limit=0',
    'limit=x',
    'cursor=x',
    'cursor=conv_1.',
    'state=lost',
    'service=Telex',
    'from_number=1',
    'more=1',
  ]) {
    test(`are refused for ${query}, and the answer names it`, async () => {
      const visitor = await signIn(desk.server.base, keysOf(desk.account))
      const answer = await visitor.must(400, 'GET', `/console/conversations?${query}`)
      assert.ok(answer.body.message.includes(query.split('=')[0]))
    })
  }
}

function keysOf({ keys }: Customer) {
  return { api_key_id: keys['sb-api-key-id'], api_secret_key: keys['sb-api-secret-key'] }
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
