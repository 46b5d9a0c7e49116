import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type BlueBubbles, startBlueBubbles } from './support/bluebubbles.ts'
import { CONTACT, type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'

const MAC_LINE = '+19175550101'

describe('whether a contact has iMessage', () => {
  let server: Readback
  let mac: BlueBubbles
  let account: Customer
  before(async () => {
    mac = await startBlueBubbles()
    server = await startReadback({ READBACK_CARRIER_TIMEOUT_S: '0.5' })
    account = await customer(server)
    const settings = { url: mac.url, password: mac.password }
    const line = { number: MAC_LINE, connector: 'bluebubbles', settings }
    await server.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, line)
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await mac[Symbol.asyncDispose]()
  })

  const ask = async (number: string, who = account) =>
    (await who.must(200, 'GET', `/api/evaluate-service?${new URLSearchParams({ number })}`)).body
  const asked = () => mac.calls.filter((call) => call.includes('availability')).length

  test('is known from what the contact last wrote by, and no carrier is asked', async () => {
    await account.write({ service: 'SMS' })
    assert.deepEqual(await ask(CONTACT), { number: CONTACT, service: 'SMS' })
    await account.write()
    assert.deepEqual(await ask(CONTACT), { number: CONTACT, service: 'iMessage' })
    await account.write({ service: 'RCS' })
    assert.deepEqual(await ask(CONTACT), { number: CONTACT, service: 'SMS' })
    assert.equal(asked(), 0)
  })

  test('is asked of a Mac, for a number and an e-mail address, where the contact never wrote', async () => {
    mac.reachable.add('+14155550111').add('ada@example.com')
    assert.deepEqual(await ask('+1 (415) 555-0111'), { number: '+14155550111', service: 'iMessage' })
    assert.deepEqual(await ask('Ada@example.com'), { number: 'ada@example.com', service: 'iMessage' })
    assert.deepEqual(await ask('+14155550112'), { number: '+14155550112', service: 'SMS' })
    assert.equal(asked(), 3)
  })

  test('is asked also for an address whose plus nobody encoded', async () => {
    mac.reachable.add('ada+shop@example.com')
    const { body } = await account.must(200, 'GET', '/api/evaluate-service?number=ada+shop@example.com')
    assert.deepEqual(body, { number: 'ada+shop@example.com', service: 'iMessage' })
  })

  for (const fault of ['hang', 'reset', { status: 500, body: {} }, { status: 200, body: { status: 200 } }] as const) {
    test(`is a 503 that asks to come again where the Mac gives ${JSON.stringify(fault)}`, async () => {
      mac.faults.set('availability', fault)
      const answer = await account.must(503, 'GET', '/api/evaluate-service?number=%2B14155550113')
      mac.faults.delete('availability')
      assert.equal(answer.headers.get('retry-after'), '1')
      assert.equal(answer.body.status, 'ERROR')
      assert.match(answer.body.message, /iMessage could not be found out/)
    })
  }

  test('is SMS, "not detected", where nobody can be asked; another account’s conversations tell nothing', async () => {
    const stranger = await customer(server, { lines: ['+19175550102'] })
    await account.write()
    const before = asked()
    assert.deepEqual(await ask(CONTACT, stranger), { number: CONTACT, service: 'SMS' })
    assert.equal(asked(), before)
  })

  test('is the same whatever `from_number` says, as with the original', async () => {
    await account.write()
    for (const from_number of [LINE, MAC_LINE, '+19175550199', 'x', '']) {
      const query = new URLSearchParams({ number: CONTACT, from_number })
      const { body } = await account.must(200, 'GET', `/api/evaluate-service?${query}`)
      assert.deepEqual(body, { number: CONTACT, service: 'iMessage' })
    }
  })

  test('is a 400 that names `number` for rubbish', async () => {
    for (const query of ['?number=', '?number=x', '?number=%00']) {
      const { body } = await account.must(400, 'GET', `/api/evaluate-service${query}`)
      assert.match(body.message, /`number`/, query)
    }
    for (const [query, message] of [
      ['', '`number` must be specified'],
      [`?number=${LINE}&number=${LINE}`, '`number` must be given once'],
    ]) {
      const { body } = await account.must(400, 'GET', `/api/evaluate-service${query}`)
      assert.equal(body.message, message)
    }
  })
})

test('whose the keys are is told by GET /account, and nothing of it is cached', async () => {
  await using server = await startReadback()
  const account = await customer(server, { plan: 'ai_agent' })
  const { body } = await account.must(200, 'GET', '/account')
  const { created_at, ...told } = body.account
  assert.ok(Date.parse(created_at) > 0)
  assert.deepEqual(told, {
    account_id: account.accountId,
    email: 'customer@example.com',
    plan: 'ai_agent',
    read_receipts_enabled: true,
    auto_mark_read: false,
    auto_mark_read_timing: { mode: 'on_arrival' },
    disabled: false,
  })
  await account.must(200, 'POST', '/accounts/settings/auto-mark-read', { auto_mark_read: true })
  assert.equal((await account.must(200, 'GET', '/account')).body.account.auto_mark_read, true)
})
