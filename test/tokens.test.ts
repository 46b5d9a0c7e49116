import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import Sendblue from 'sendblue'
import { client } from './support/client.ts'
import { listen } from './support/event-reader.ts'
import { CONTACT, type Customer, customer, enter, LINE, type Readback, startReadback } from './support/readback.ts'
import { bearer, holder, mint, TOKENS } from './support/tokens.ts'

const OTHER_LINE = '+19175550100'
const LINES = [LINE, OTHER_LINE]

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

  test('is taken behind the name of its scheme in any spelling, and behind more than one blank', async () => {
    const { token } = await mint(account)
    for (const authorization of [`bearer ${token}`, `BEARER   ${token}`]) {
      await client(server.base, { authorization }).must(200, 'GET', '/api/lines')
    }
    for (const authorization of [`Bearer${token}`, `Basic ${token}`, token, `Bearer ${token} ${token}`]) {
      await client(server.base, { authorization }).must(401, 'GET', '/api/lines')
    }
  })

  test('for the whole account opens all that keys do, but makes and revokes no tokens', async () => {
    const { token, token_id } = await mint(account)
    const whole = client(server.base, bearer(token))
    for (const path of ['/readback/v1/settings', '/api/account/webhooks', '/readback/v1/receipts', '/api/lines']) {
      assert.deepEqual((await whole.must(200, 'GET', path)).body, (await account.must(200, 'GET', path)).body)
    }
    await whole.must(200, 'POST', '/accounts/settings/auto-mark-read', { auto_mark_read: false })
    await whole.must(403, 'POST', TOKENS)
    await whole.must(403, 'POST', TOKENS, '{')
    await whole.must(403, 'DELETE', `${TOKENS}/${token_id}`)
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

  test('is made for an hour, where one asks for that', async () => {
    const madeAt = Date.now()
    const { expires_at } = await mint(account, { expires_in_seconds: 3_600 })
    const lifetime = Date.parse(expires_at) - madeAt
    assert.ok(lifetime >= 3_600_000 && lifetime < 3_610_000, String(lifetime))
  })

  test('that is revoked is refused from that answer on, and its stream ends by the next heartbeat', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const { token, token_id } = await mint(account)
    await using reader = await listen(server.base, bearer(token))
    const removed = await account.must(204, 'DELETE', `${TOKENS}/${token_id}`)
    assert.equal(removed.body, undefined)
    const call = { number: CONTACT, from_number: LINE }
    await client(server.base, bearer(token)).must(401, 'POST', '/api/mark-read', call)
    t.mock.timers.tick(15_000)
    await reader.ended
    await account.must(404, 'DELETE', `${TOKENS}/${token_id}`)
    await account.must(404, 'DELETE', `${TOKENS}/none`)
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
    await other.must(404, 'DELETE', `${TOKENS}/${token_id}`)
    await client(server.base, bearer(token)).must(200, 'GET', '/api/lines')
    for (const [field, lines] of [
      ['phone_number', LINE],
      ['phone_numbers', [LINE]],
    ] as const) {
      const { body } = await other.must(400, 'POST', TOKENS, { [field]: lines })
      assert.equal(body.message, `\`${field}\`: ${LINE} is not a line of this account`)
    }
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
      const answer = await account.must(400, 'POST', TOKENS, body)
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
