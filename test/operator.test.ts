import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { client } from './support/client.ts'
import { CONTACT, customer, enter, LINE, type Readback, startReadback } from './support/readback.ts'

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const lineNumber = (n: number) => `+1917555${String(1_000 + n)}`
const pathOf = (number: string) => `/operator/lines/${encodeURIComponent(number)}`

describe('the operator API', () => {
  let server: Readback
  before(async () => {
    server = await startReadback()
  })
  after(() => server[Symbol.asyncDispose]())
  const must: Readback['operator']['must'] = (...call) => server.operator.must(...call)

  test('lets nobody in without its token, and says the same for every wrong one', async () => {
    const account = await customer(server, { lines: [] })
    const tokens = [undefined, 'Bearer wrong', 'Bearer ', 'Basic b3BlcmF0b3I=', 'operator-token-of-a-test']
    for (const authorization of tokens) {
      const stranger = client(server.base, {
        ...account.keys,
        ...(authorization === undefined ? {} : { authorization }),
      })
      const answer = await stranger.call('POST', '/operator/accounts', 'x'.repeat(70_000))
      assert.deepEqual([answer.status, answer.body], [401, { status: 'ERROR', message: 'Invalid operator token' }])
    }
  })

  test('creates an account with its defaults, and shows the secret this once', async () => {
    const { body } = await must(201, 'POST', '/operator/accounts', { email: 'ada@example.com' })
    const { account, api_key_id, api_secret_key, ...rest } = body
    assert.deepEqual(rest, { status: 'OK' })
    const { account_id, created_at, ...facts } = account
    assert.match(account_id, /^acct_\w+$/)
    assert.match(created_at, ISO)
    assert.deepEqual(facts, {
      email: 'ada@example.com',
      plan: 'free_api',
      read_receipts_enabled: false,
      auto_mark_read: false,
      auto_mark_read_timing: { mode: 'on_arrival' },
      disabled: false,
    })
    await enter(server.base, account_id, { 'sb-api-key-id': api_key_id, 'sb-api-secret-key': api_secret_key }).must(
      200,
      'GET',
      '/accounts/settings/auto-mark-read',
    )
    assert.deepEqual((await must(200, 'GET', `/operator/accounts/${account_id}`)).body, { status: 'OK', account })
    const { data } = (await must(200, 'GET', '/operator/accounts')).body
    assert.deepEqual(data.at(-1), account)
    const files = await Promise.all((await readdir(server.dataDir)).map((name) => readFile(join(server.dataDir, name))))
    assert.ok(!files.some((bytes) => bytes.includes(api_secret_key)))
  })

  test('changes an account, which takes effect on the next call', async () => {
    const account = await customer(server, { lines: [lineNumber(1)], readReceipts: false })
    const path = `/operator/accounts/${account.accountId}`
    const call = { number: CONTACT, from_number: lineNumber(1) }
    await account.must(403, 'POST', '/api/mark-read', call)
    const { body } = await must(200, 'PATCH', path, {
      read_receipts_enabled: true,
      plan: 'ai_agent',
      auto_mark_read: true,
    })
    const { read_receipts_enabled, plan, auto_mark_read, disabled } = body.account
    assert.deepEqual([read_receipts_enabled, plan, auto_mark_read, disabled], [true, 'ai_agent', true, false])
    await account.must(200, 'POST', '/api/mark-read', call)
    await must(200, 'PATCH', path, { disabled: true })
    await account.must(403, 'POST', '/api/mark-read', call)
    await must(200, 'PATCH', path, { disabled: false })
    await account.must(200, 'POST', '/api/mark-read', call)
    assert.deepEqual((await must(200, 'PATCH', path, {})).body.account.plan, 'ai_agent')
  })

  test('makes and revokes keys: the other key of the account goes on', async () => {
    const account = await customer(server, { lines: [] })
    const path = `/operator/accounts/${account.accountId}/keys`
    const { body } = await must(201, 'POST', path)
    const { status, api_key_id, api_secret_key } = body
    assert.deepEqual(body, { status, api_key_id, api_secret_key })
    const second = enter(server.base, account.accountId, {
      'sb-api-key-id': api_key_id,
      'sb-api-secret-key': api_secret_key,
    })
    await second.must(200, 'GET', '/readback/v1/receipts')
    assert.deepEqual((await must(200, 'DELETE', `${path}/${api_key_id}`)).body, { status: 'OK' })
    await second.must(401, 'GET', '/readback/v1/receipts')
    await account.must(200, 'GET', '/readback/v1/receipts')
    await must(404, 'DELETE', `${path}/${api_key_id}`)
    const other = await customer(server, { lines: [] })
    await must(404, 'DELETE', `/operator/accounts/${other.accountId}/keys/${account.keys['sb-api-key-id']}`)
    await account.must(200, 'GET', '/readback/v1/receipts')
  })

  test('creates, lists, pauses and deletes a line', async () => {
    const account = await customer(server, { lines: [] })
    const number = lineNumber(2)
    const path = `/operator/accounts/${account.accountId}/lines`
    const { body } = await must(201, 'POST', path, {
      number: `${number.slice(0, 5)}-${number.slice(5)}`,
      connector: 'simulator',
    })
    const { inbound_url, created_at, ...line } = body.line
    assert.match(inbound_url, /^http:\/\/127\.0\.0\.1:\d+\/readback\/v1\/inbound\/[\w-]{43}$/)
    assert.deepEqual(line, {
      number,
      account_id: account.accountId,
      connector: 'simulator',
      line_status: 'ONLINE',
      reason: null,
      auto_mark_read_timing: null,
      paused: false,
    })
    assert.deepEqual((await must(200, 'GET', '/operator/lines')).body.data.at(-1), { ...line, created_at })
    const paused = { ...line, created_at, paused: true }
    assert.deepEqual((await must(200, 'PATCH', pathOf(number), { paused: true })).body.line, paused)
    assert.deepEqual((await must(200, 'DELETE', pathOf(number))).body.line, paused)
    await must(404, 'DELETE', pathOf(number))
    const { data } = (await must(200, 'GET', '/operator/lines')).body
    assert.ok(!data.some((entry: { number: string }) => entry.number === number))
  })

  test('registers a number once among live lines, and again when the line is gone', async () => {
    const [one, other] = [await customer(server, { lines: [lineNumber(3)] }), await customer(server, { lines: [] })]
    const draft = { number: lineNumber(3), connector: 'simulator' }
    await must(409, 'POST', `/operator/accounts/${other.accountId}/lines`, draft)
    await must(200, 'DELETE', pathOf(lineNumber(3)))
    await must(201, 'POST', `/operator/accounts/${other.accountId}/lines`, draft)
    await one.must(404, 'POST', '/api/mark-read', { number: CONTACT, from_number: lineNumber(3) })
    await other.must(200, 'POST', '/api/mark-read', { number: CONTACT, from_number: lineNumber(3) })
  })

  test('settles what a deleted line had queued as skipped, line_removed, and leaves it with the account', async () => {
    const account = await customer(server, { lines: [lineNumber(4)] })
    await must(200, 'PATCH', pathOf(lineNumber(4)), { paused: true })
    const id = await account.markRead(CONTACT, lineNumber(4))
    await must(200, 'DELETE', pathOf(lineNumber(4)))
    const { state, reason, attempts } = await account.settled(id)
    assert.deepEqual([state, reason, attempts], ['skipped', 'line_removed', 0])
  })

  test('probes a line: what the carrier is now, and why', async () => {
    const account = await customer(server, { lines: [lineNumber(5)] })
    const probe = async () => (await must(200, 'POST', `${pathOf(lineNumber(5))}/probe`)).body
    assert.deepEqual(await probe(), { status: 'OK', line_status: 'ONLINE' })
    await account.carrier({ from_number: lineNumber(5), offline: true })
    assert.deepEqual(await probe(), { status: 'OK', line_status: 'OFFLINE', reason: 'unreachable' })
    const line = (await must(200, 'GET', '/operator/lines')).body.data.find(
      ({ number }: { number: string }) => number === lineNumber(5),
    )
    assert.deepEqual([line.line_status, line.reason], ['OFFLINE', 'unreachable'])
  })

  test('shows the inbound URL, and makes a new one that closes the old', async () => {
    const account = await customer(server, { lines: [lineNumber(6)] })
    const path = `${pathOf(lineNumber(6))}/inbound-url`
    const hook = {
      carrierMessageId: 'a',
      contact: CONTACT,
      kind: 'direct',
      conversationAddress: CONTACT,
      service: 'iMessage',
      parts: [{ content: 'Hello', mediaUrl: null }],
      writtenAt: Date.now(),
    }
    const post = async (url: string) => {
      const headers = { 'content-type': 'application/json' }
      return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(hook) })).status
    }
    const { inbound_url: first } = (await must(200, 'GET', path)).body
    assert.equal(await post(first), 200)
    const { inbound_url: second } = (await must(200, 'POST', path)).body
    assert.notEqual(first, second)
    assert.deepEqual([await post(first), await post(second)], [404, 200])
    assert.deepEqual((await must(200, 'GET', path)).body, { status: 'OK', inbound_url: second })
    const { state } = await account.settled(await account.markRead(CONTACT, lineNumber(6)))
    assert.equal(state, 'sent')
    const secrets = [first, second].map((url) => url.slice(-43))
    assert.ok(!server.logs.some((line) => secrets.some((secret) => line.includes(secret))))
  })

  const REFUSED: readonly [method: string, path: string, body: unknown, status: number, names: RegExp][] = [
    ['POST', '/operator/accounts', {}, 400, /email/],
    ['POST', '/operator/accounts', { email: 'nobody' }, 400, /email/],
    ['POST', '/operator/accounts', { email: 'a@example.com', plan: 'Free API' }, 400, /plan/],
    [
      'POST',
      '/operator/accounts',
      { email: 'a@example.com', plan: 'a'.repeat(65) },
      400,
      /`plan` must be 1 to 64 of a-z/,
    ],
    [
      'POST',
      '/operator/accounts',
      { email: 'a@example.com', read_receipts_enabled: 'yes' },
      400,
      /read_receipts_enabled/,
    ],
    ['POST', '/operator/accounts', { email: 'a@example.com', colour: 'blue' }, 400, /colour/],
    ['GET', '/operator/accounts/acct_zzzz', undefined, 404, /account/],
    ['GET', '/operator/accounts/1', undefined, 404, /account/],
    ['PATCH', '/operator/accounts/acct_zzzz', { disabled: true }, 404, /account/],
    ['PATCH', '/operator/accounts/acct_1', { disabled: 1 }, 400, /disabled/],
    ['PATCH', '/operator/accounts/acct_1', { email: 'b@example.com' }, 400, /email/],
    ['POST', '/operator/accounts/acct_zzzz/keys', undefined, 404, /account/],
    ['POST', '/operator/accounts/acct_zzzz/lines', { number: LINE, connector: 'simulator' }, 404, /account/],
    ['POST', '/operator/accounts/acct_1/lines', { number: '917', connector: 'simulator' }, 400, /number/],
    ['POST', '/operator/accounts/acct_1/lines', { number: LINE }, 400, /connector/],
    ['POST', '/operator/accounts/acct_1/lines', { number: LINE, connector: 'pigeon' }, 400, /simulator, bluebubbles/],
    ['POST', '/operator/accounts/acct_1/lines', { number: LINE, connector: '__proto__' }, 400, /connector/],
    [
      'POST',
      '/operator/accounts/acct_1/lines',
      { number: LINE, connector: 'simulator', settings: { a: 1 } },
      400,
      /`a`/,
    ],
    ['POST', '/operator/accounts/acct_1/lines', { number: LINE, connector: 'bluebubbles' }, 400, /url|password/],
    ['PATCH', pathOf('+19175559999'), { paused: true }, 404, /line/],
    ['PATCH', '/operator/lines/917', { paused: true }, 400, /number/],
    ['DELETE', pathOf('+19175559999'), undefined, 404, /line/],
    ['POST', `${pathOf('+19175559999')}/probe`, undefined, 404, /line/],
    ['GET', `${pathOf('+19175559999')}/inbound-url`, undefined, 404, /line/],
    ['POST', `${pathOf('+19175559999')}/inbound-url`, undefined, 404, /line/],
  ]
  for (const [method, path, body, status, names] of REFUSED) {
    test(`refuses ${method} ${path} ${JSON.stringify(body) ?? ''}: ${status}, with a message that says what`, async () => {
      const answer = await must(status, method, path, body)
      assert.equal(answer.body.status, 'ERROR')
      assert.match(answer.body.message, names)
    })
  }
})
