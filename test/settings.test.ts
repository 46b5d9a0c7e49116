import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Customer, customer, type Readback, startReadback } from './support/readback.ts'

const PATH = '/accounts/settings/auto-mark-read'
const NOT_BOOLEAN = { status: 'ERROR', message: 'auto_mark_read must be a boolean' }

describe('/accounts/settings/auto-mark-read', () => {
  let server: Readback
  let account: Customer
  before(async () => {
    server = await startReadback()
    account = await customer(server)
  })
  after(() => server[Symbol.asyncDispose]())

  test('sets the value, answers the one in force, and reads it back', async () => {
    assert.deepEqual((await account.must(200, 'GET', PATH)).body, { status: 'OK', auto_mark_read: false })
    for (const value of [true, true, false]) {
      const { body } = await account.must(200, 'POST', PATH, { auto_mark_read: value })
      assert.deepEqual(body, { status: 'OK', auto_mark_read: value })
      assert.deepEqual((await account.must(200, 'GET', PATH)).body, { status: 'OK', auto_mark_read: value })
    }
  })

  for (const value of ['true', 'false', 1, 0, null, [], {}, [true], undefined]) {
    test(`refuses ${JSON.stringify(value) ?? 'nothing'} for a boolean, and leaves the value as it was`, async () => {
      await account.must(200, 'POST', PATH, { auto_mark_read: true })
      const answer = await account.call('POST', PATH, { auto_mark_read: value })
      assert.deepEqual([answer.status, answer.body], [400, NOT_BOOLEAN])
      assert.equal((await account.must(200, 'GET', PATH)).body.auto_mark_read, true)
    })
  }

  for (const body of ['', 'null', '[]', 'true', '"auto_mark_read"']) {
    test(`refuses the body ${JSON.stringify(body)}`, async () => {
      const answer = await account.call('POST', PATH, body)
      assert.deepEqual([answer.status, answer.body], [400, NOT_BOOLEAN])
    })
  }

  test('takes no body at all for a missing value', async () => {
    const answer = await account.call('POST', PATH)
    assert.deepEqual([answer.status, answer.body], [400, NOT_BOOLEAN])
  })

  test('is open on the plans free_api and ai_agent, and closed on any other with a message that names them', async () => {
    for (const plan of ['free_api', 'ai_agent', 'enterprise', 'dedicated']) {
      const on = await customer(server, { plan, lines: [] })
      const answer = await on.call('POST', PATH, { auto_mark_read: true })
      const open = plan === 'free_api' || plan === 'ai_agent'
      assert.equal(answer.status, open ? 200 : 403, plan)
      assert.equal((await on.must(200, 'GET', PATH)).body.auto_mark_read, open)
      if (open) continue
      const message = `Auto mark-read is available on the plans free_api, ai_agent; this account is on ${plan}.`
      assert.deepEqual(answer.body, { status: 'ERROR', message })
    }
  })

  test('can be turned off on any plan', async () => {
    const on = await customer(server, { plan: 'free_api', lines: [], auto: true })
    await server.operator.must(200, 'PATCH', `/operator/accounts/${on.accountId}`, { plan: 'enterprise' })
    assert.deepEqual((await on.must(200, 'POST', PATH, { auto_mark_read: false })).body.auto_mark_read, false)
  })

  test('follows READBACK_AUTO_MARK_READ_PLANS', async () => {
    await using other = await startReadback({ READBACK_AUTO_MARK_READ_PLANS: 'enterprise, dedicated' })
    await (await customer(other, { plan: 'dedicated', lines: [] })).must(200, 'POST', PATH, { auto_mark_read: true })
    const free = await customer(other, { plan: 'free_api', lines: [] })
    assert.match((await free.must(403, 'POST', PATH, { auto_mark_read: true })).body.message, /enterprise, dedicated/)
  })

  test('is not closed by the account gate', async () => {
    const closed = await customer(server, { readReceipts: false, lines: [] })
    await closed.must(200, 'POST', PATH, { auto_mark_read: true })
    await closed.must(200, 'GET', PATH)
  })

  test('is closed to a disabled account and to wrong keys', async () => {
    const disabled = await customer(server, { lines: [] })
    await server.operator.must(200, 'PATCH', `/operator/accounts/${disabled.accountId}`, { disabled: true })
    await disabled.must(403, 'POST', PATH, { auto_mark_read: true })
    const wrong = await account.call('POST', PATH, { auto_mark_read: 'x' }, { 'sb-api-secret-key': 'wrong' })
    assert.equal(wrong.status, 401)
  })

  test('belongs to one account alone', async () => {
    const [one, other] = [await customer(server, { lines: [] }), await customer(server, { lines: [] })]
    await one.must(200, 'POST', PATH, { auto_mark_read: true })
    assert.equal((await other.must(200, 'GET', PATH)).body.auto_mark_read, false)
  })
})
