import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import Sendblue from 'sendblue'
import { type Client, client } from './support/client.ts'
import { listen } from './support/event-reader.ts'
import { CONTACT, type Customer, customer, enter, LINE, type Readback, startReadback } from './support/readback.ts'

const PATH = '/v3/auth/tokens'
const OTHER_LINE = '+19175550100'
const LINES = [LINE, OTHER_LINE]

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function mint(account: Customer, body: object = {}) {
  return (await account.must(201, 'POST', PATH, body)).body
}

async function holder(account: Customer, body: object = {}): Promise<Client> {
  return client(account.base, bearer((await mint(account, body)).token))
}

function sdk({ base, keys }: Customer): Sendblue {
  return new Sendblue({ baseURL: base, apiKey: keys['sb-api-key-id'], apiSecret: keys['sb-api-secret-key'] })
}

describe('a token', () => {
  let server: Readback
  let account: Customer
  before(async () => {
    server = await startReadback()
    account = await customer(server, { lines: LINES })
  })
  after(() => server[Symbol.asyncDispose]())

  test('is made by the official SDK, works in it in place of the keys, and is revoked by it', async () => {
    const madeAt = Date.now()
    const made = await sdk(account).auth.tokens.create()
    const { token, token_id, expires_at, ...rest } = made
    assert.deepEqual(rest, { token_type: 'Bearer', phone_numbers: [] })
    assert.match(token_id, /^tok_/)
    const lifetime = Date.parse(expires_at) - madeAt
    assert.ok(lifetime >= 900_000 && lifetime < 910_000, String(lifetime))
    const holding = new Sendblue({ baseURL: server.base, accessToken: token })
    const [handle] = await account.write()
    await holding.post('/api/mark-read', { body: { number: CONTACT, from_number: LINE } })
    const stream = await holding.events.stream()
    for await (const { type, data } of stream) {
      if (type !== ('receipt.sent' as string)) continue
      assert.equal(data.read_up_to, handle)
      break
    }
    await sdk(account).auth.tokens.revoke(token_id)
    await assert.rejects(holding.get('/api/lines'), { message: '401 Invalid or expired token' })
  })

  test('limited to lines is within them at the doors that have lines, and outside of all that concern the account', async () => {
    const [ownMessage] = await account.write()
    const [otherMessage] = await account.write({ to_number: OTHER_LINE })
    const other = await account.markRead(CONTACT, OTHER_LINE)
    const own = await account.markRead()
    const limited = await holder(account, { phone_number: LINE })
    const mine = `number=${encodeURIComponent(CONTACT)}&from_number=${encodeURIComponent(LINE)}`
    const others = `number=${encodeURIComponent(CONTACT)}&from_number=${encodeURIComponent(OTHER_LINE)}`
    const table: readonly [number, string, string, unknown?][] = [
      [200, 'POST', '/api/mark-read', { number: CONTACT, from_number: LINE }],
      [404, 'POST', '/api/mark-read', { number: CONTACT, from_number: OTHER_LINE }],
      [400, 'POST', '/api/mark-read', {}],
      [200, 'POST', '/api/send-message', { number: CONTACT, from_number: LINE, content: 'Hi' }],
      [404, 'POST', '/api/send-message', { number: CONTACT, from_number: OTHER_LINE, content: 'Hi' }],
      [200, 'POST', '/api/send-typing-indicator', { number: CONTACT, from_number: LINE }],
      [404, 'POST', '/api/send-typing-indicator', { number: CONTACT, from_number: OTHER_LINE }],
      [200, 'GET', `/api/status?handle=${ownMessage}`],
      [404, 'GET', `/api/status?handle=${otherMessage}`],
      [200, 'POST', '/simulator/handset/open', { number: CONTACT, from_number: LINE }],
      [404, 'POST', '/simulator/handset/open', { number: CONTACT, from_number: OTHER_LINE }],
      [200, 'POST', '/simulator/typing', { number: CONTACT, to_number: LINE, typing: true }],
      [404, 'POST', '/simulator/typing', { number: CONTACT, to_number: OTHER_LINE, typing: true }],
      [200, 'GET', '/api/lines'],
      [200, 'GET', '/api/v2/lines/state'],
      [400, 'GET', '/api/v2/events?types=none'],
      [200, 'GET', '/api/v2/messages'],
      [200, 'GET', `/api/v2/messages/${ownMessage}`],
      [404, 'GET', `/api/v2/messages/${otherMessage}`],
      [403, 'GET', '/account'],
      [403, 'GET', '/api/evaluate-service?number=a@example.com'],
      [200, 'GET', '/readback/v1/receipts'],
      [200, 'GET', `/readback/v1/receipts/${own}`],
      [404, 'GET', `/readback/v1/receipts/${other}`],
      [201, 'POST', '/simulator/messages', { number: CONTACT, to_number: LINE }],
      [404, 'POST', '/simulator/messages', { number: CONTACT, to_number: OTHER_LINE }],
      [200, 'GET', `/simulator/handset?${mine}`],
      [404, 'GET', `/simulator/handset?${others}`],
      [200, 'GET', `/simulator/carrier?from_number=${encodeURIComponent(LINE)}`],
      [404, 'GET', `/simulator/carrier?from_number=${encodeURIComponent(OTHER_LINE)}`],
      [200, 'PUT', '/simulator/carrier', { from_number: LINE }],
      [404, 'PUT', '/simulator/carrier', { from_number: OTHER_LINE }],
      [403, 'POST', '/v3/auth/tokens'],
      [403, 'DELETE', '/v3/auth/tokens/tok_1'],
      [403, 'GET', '/accounts/settings/auto-mark-read'],
      [403, 'POST', '/accounts/settings/auto-mark-read', { auto_mark_read: true }],
      [403, 'GET', '/api/account/webhooks'],
      [403, 'POST', '/api/account/webhooks', { webhooks: ['https://example.com'] }],
      [403, 'PUT', '/api/account/webhooks', { webhooks: {} }],
      [403, 'DELETE', '/api/account/webhooks', { webhooks: ['https://example.com'] }],
      [403, 'GET', '/readback/v1/webhooks'],
      [403, 'GET', '/readback/v1/webhook-deliveries'],
      [403, 'POST', '/readback/v1/webhook-deliveries/dlv_1/redeliver'],
      [403, 'GET', '/readback/v1/settings'],
      [403, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing: { mode: 'on_reply' } }],
      [403, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing: null, from_number: LINE }],
      [401, 'GET', '/operator/lines'],
    ]
    for (const [status, method, path, body] of table) {
      const answer = await limited.call(method, path, body)
      assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`)
      if (status !== 403 || method === 'GET') continue
      // Before the body is looked at.
      assert.equal((await limited.call(method, path, '{')).status, 403, `${method} ${path}`)
    }
    const tried = table.map(([, method, path]) => {
      const pattern = path.replace(/\?.*/, '').replace(/(dlv|rcpt|tok)_\w+/, '{id}')
      return `${method} ${pattern.replace(/msg_\w+/, '{handle}')}`
    })
    assert.deepEqual(
      (await accountDoors(server.base)).filter((door) => !tried.includes(door)),
      [],
    )
    assert.equal((await account.must(200, 'GET', '/accounts/settings/auto-mark-read')).body.auto_mark_read, false)
  })

  test('limited to lines is answered with each of them once, in its normal form', async () => {
    const twice = [LINE, `${LINE.slice(0, 5)} ${LINE.slice(5)}`, OTHER_LINE, LINE]
    const { body } = await account.must(201, 'POST', PATH, { phone_numbers: twice })
    assert.deepEqual(body.phone_numbers, [LINE, OTHER_LINE])
  })

  test('limited to lines sees those in every list', async () => {
    await account.markRead(CONTACT, OTHER_LINE)
    await account.markRead()
    for (const line of LINES) {
      const limited = await holder(account, { phone_numbers: [line, line] })
      assert.deepEqual((await limited.must(200, 'GET', '/api/lines')).body.numbers, [line])
      const state = (await limited.must(200, 'GET', '/api/v2/lines/state')).body.data
      assert.deepEqual(
        state.map(({ sendblue_number }: { sendblue_number: string }) => sendblue_number),
        [line],
      )
      for (const query of ['', `?number=${encodeURIComponent(CONTACT)}`]) {
        const receipts = (await limited.must(200, 'GET', `/readback/v1/receipts${query}`)).body.data
        const from = new Set(receipts.map(({ from_number }: { from_number: string }) => from_number))
        assert.deepEqual([...from], [line])
      }
      const messages = (await limited.must(200, 'GET', '/api/v2/messages')).body
      const on = new Set(messages.data.map(({ sendblue_number }: { sendblue_number: string }) => sendblue_number))
      assert.deepEqual([[...on], messages.pagination.total], [[line], messages.data.length])
      const another = encodeURIComponent(LINES.find((each) => each !== line) ?? '')
      assert.deepEqual((await limited.must(200, 'GET', `/readback/v1/receipts?from_number=${another}`)).body.data, [])
    }
  })

  test('limited to lines hears of those alone', async () => {
    const { token } = await mint(account, { phone_number: OTHER_LINE })
    await using reader = await listen(server.base, bearer(token))
    await account.write({ content: 'to one' })
    await account.settled(await account.markRead())
    await account.write({ content: 'to the other', to_number: OTHER_LINE })
    assert.equal((await reader.at(0)).data.content, 'to the other')
  })

  test('for the whole account opens all that keys do, but makes and revokes no tokens', async () => {
    const { token, token_id } = await mint(account)
    const whole = client(server.base, bearer(token))
    for (const path of ['/readback/v1/settings', '/api/account/webhooks', '/readback/v1/receipts', '/api/lines']) {
      assert.deepEqual((await whole.must(200, 'GET', path)).body, (await account.must(200, 'GET', path)).body)
    }
    await whole.must(200, 'POST', '/accounts/settings/auto-mark-read', { auto_mark_read: false })
    await whole.must(403, 'POST', PATH)
    await whole.must(403, 'POST', PATH, '{')
    await whole.must(403, 'DELETE', `${PATH}/${token_id}`)
    await whole.must(200, 'GET', '/api/lines')
  })

  test('ends by itself, at every door, and its stream with it', async () => {
    const { token, expires_at } = await mint(account, { expires_in_seconds: 1 })
    await using reader = await listen(server.base, bearer(token))
    await reader.ended
    assert.ok(Math.abs(Date.now() - Date.parse(expires_at)) < 500)
    const ended = client(server.base, bearer(token))
    for (const [method, path, body] of [
      ['POST', '/api/mark-read', { number: CONTACT, from_number: LINE }],
      ['GET', '/api/lines'],
      ['GET', '/api/v2/events'],
      ['GET', '/readback/v1/settings'],
    ] as const) {
      const answer = await ended.call(method, path, body)
      assert.deepEqual([answer.status, answer.body.message], [401, 'Invalid or expired token'], path)
    }
  })

  test('that is revoked is refused from that answer on, and its stream ends by the next heartbeat', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const { token, token_id } = await mint(account)
    await using reader = await listen(server.base, bearer(token))
    const removed = await account.must(204, 'DELETE', `${PATH}/${token_id}`)
    assert.equal(removed.body, undefined)
    const call = { number: CONTACT, from_number: LINE }
    await client(server.base, bearer(token)).must(401, 'POST', '/api/mark-read', call)
    t.mock.timers.tick(15_000)
    await reader.ended
    await account.must(404, 'DELETE', `${PATH}/${token_id}`)
    await account.must(404, 'DELETE', `${PATH}/none`)
  })

  test('ends with the key that made it, and with no other', async () => {
    const { body } = await server.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/keys`)
    const keys = { 'sb-api-key-id': body.api_key_id, 'sb-api-secret-key': body.api_secret_key }
    const second = enter(server.base, account.accountId, keys)
    const [fromFirst, fromSecond] = [await holder(account), await holder(second)]
    await server.operator.must(200, 'DELETE', `/operator/accounts/${account.accountId}/keys/${body.api_key_id}`)
    await fromSecond.must(401, 'GET', '/api/lines')
    await fromSecond.must(401, 'POST', '/api/mark-read', { number: CONTACT, from_number: LINE })
    await fromFirst.must(200, 'GET', '/api/lines')
  })

  test('is the account’s own: another cannot revoke it, nor limit one to its lines', async () => {
    const other = await customer(server, { lines: [] })
    const { token, token_id } = await mint(account)
    await other.must(404, 'DELETE', `${PATH}/${token_id}`)
    await client(server.base, bearer(token)).must(200, 'GET', '/api/lines')
    const { body } = await other.must(400, 'POST', PATH, { phone_number: LINE })
    assert.equal(body.message, `\`phone_numbers\`: ${LINE} is not a line of this account`)
  })

  test('opens nothing while its account is disabled', async () => {
    const other = await customer(server, { lines: [] })
    const held = await holder(other)
    await server.operator.must(200, 'PATCH', `/operator/accounts/${other.accountId}`, { disabled: true })
    await held.must(403, 'GET', '/api/lines')
    await held.must(403, 'GET', '/api/v2/events')
  })

  test('gives way to keys where both are sent', async () => {
    const { token } = await mint(account, { phone_number: LINE })
    assert.equal((await account.call('GET', '/api/lines', undefined, bearer('nobody'))).status, 200)
    const wrong = { ...bearer(token), 'sb-api-key-id': 'wrong' }
    assert.equal((await client(server.base, wrong).call('GET', '/api/lines')).status, 401)
    const both = await account.call('GET', '/readback/v1/settings', undefined, bearer(token))
    assert.equal(both.status, 200)
  })

  for (const [field, body] of [
    ['expires_in_seconds', { expires_in_seconds: 0 }],
    ['expires_in_seconds', { expires_in_seconds: 3_601 }],
    ['expires_in_seconds', { expires_in_seconds: 1.5 }],
    ['expires_in_seconds', { expires_in_seconds: '900' }],
    ['expires_in_seconds', { expires_in_seconds: null }],
    ['phone_number', { phone_number: 'line' }],
    ['phone_number', { phone_number: null }],
    ['phone_number', { phone_number: '' }],
    ['phone_number', { phone_number: LINE, phone_numbers: [LINE] }],
    ['phone_numbers', { phone_numbers: [] }],
    ['phone_numbers', { phone_numbers: [LINE, 7] }],
    ['phone_numbers', { phone_numbers: LINE }],
    ['phone_numbers', { phone_numbers: [LINE, '+19175550199'] }],
    ['phone', { phone: LINE }],
  ] as const) {
    test(`is not made of ${JSON.stringify(body)}`, async () => {
      const answer = await account.must(400, 'POST', PATH, body)
      assert.match(answer.body.message, new RegExp(`["\`]${field}\\b`))
    })
  }

  test('is shown once: neither the store nor the log holds it', async () => {
    await using own = await startReadback()
    const { token } = await mint(await customer(own))
    await client(own.base, bearer(token)).must(200, 'GET', '/api/lines')
    const files = (await readdir(own.dataDir)).filter((name) => name.startsWith('readback.db'))
    assert.ok(files.length > 0)
    for (const name of files) assert.ok(!(await readFile(join(own.dataDir, name))).includes(token), name)
    assert.deepEqual(
      own.logs.filter((line) => line.includes(token)),
      [],
    )
  })
})

/** Every door that stands open to accounts, as the server itself describes them. */
async function accountDoors(base: string): Promise<string[]> {
  const { paths } = (await client(base).must(200, 'GET', '/openapi.json')).body
  const doors = Object.entries<Record<string, { security: object[] }>>(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, { security }]) => security.some((scheme) => 'key_id' in scheme))
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  )
  assert.ok(doors.includes('POST /api/mark-read'))
  return doors
}
