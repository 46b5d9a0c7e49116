import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { client } from './support/client.ts'
import { listen } from './support/event-reader.ts'
import { CONTACT, type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'
import { bearer, holder, mint, TOKENS } from './support/tokens.ts'

const OTHER_LINE = '+19175550100'
const LINES = [LINE, OTHER_LINE]

describe('a token', () => {
  let server: Readback
  let account: Customer
  before(async () => {
    server = await startReadback()
    account = await customer(server, { lines: LINES })
  })
  after(() => server[Symbol.asyncDispose]())

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
    const { body } = await account.must(201, 'POST', TOKENS, { phone_numbers: twice })
    assert.deepEqual(body.phone_numbers, [LINE, OTHER_LINE])
  })

  test('limited to lines is made for a thousand numbers at the most', async () => {
    const { body } = await account.must(400, 'POST', TOKENS, { phone_numbers: Array(1_001).fill(LINE) })
    assert.match(body.message, /phone_numbers.*1000/)
    const limited = await holder(account, { phone_numbers: Array(1_000).fill(LINE) })
    assert.deepEqual((await limited.must(200, 'GET', '/api/lines')).body.numbers, [LINE])
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
