import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTACT, type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

const NO_NUMBER = 'You must specify a `number` in the request body.'
const BAD_NUMBER = 'You must specify a valid `number` in the request body.'
const BAD_FROM_NUMBER = 'You must specify a valid `from_number` in the request body.'
const NOT_REGISTERED = 'The from_number is not registered'

describe('POST /api/mark-read', () => {
  let server: Readback
  let account: Customer
  before(async () => {
    server = await startReadback()
    account = await customer(server)
  })
  after(() => server[Symbol.asyncDispose]())
  const markRead = (body: unknown) => account.call('POST', '/api/mark-read', body)

  test('answers the page’s 200, and the contact’s phone shows "Read"', async () => {
    await account.write()
    assert.deepEqual(
      (await account.phone()).map(({ read_at }) => read_at),
      [null],
    )
    const answer = await markRead({ number: CONTACT, from_number: LINE })
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.body, { status: 'OK', message: 'Mark read request sent', number: CONTACT })
    const receipt = await account.settled(answer.headers.get('readback-receipt-id') ?? '')
    assert.equal(receipt.state, 'sent')
    const [message] = await account.phone()
    assert.equal(typeof message?.read_at, 'string')
    assert.equal(receipt.read_up_to, message?.message_handle)
  })

  const refused: readonly [string, unknown, number, string][] = [
    ['without a number', { from_number: LINE }, 400, NO_NUMBER],
    ['with an empty number', { number: '', from_number: LINE }, 400, NO_NUMBER],
    ['with a number that is no text', { number: 14155551234, from_number: LINE }, 400, NO_NUMBER],
    ['with a null number', { number: null, from_number: LINE }, 400, NO_NUMBER],
    ['with neither', {}, 400, NO_NUMBER],
    ['with a body that is a list', [], 400, NO_NUMBER],
    ['with a body that is null', 'null', 400, NO_NUMBER],
    ['with an empty body', '', 400, NO_NUMBER],
    ['with a malformed number', { number: '4155551234', from_number: LINE }, 400, BAD_NUMBER],
    ['with a number that begins with 0', { number: '+04155551234', from_number: LINE }, 400, BAD_NUMBER],
    ['with a number of 6 digits', { number: '+141555', from_number: LINE }, 400, BAD_NUMBER],
    ['with a number of 16 digits', { number: '+1415555123456789', from_number: LINE }, 400, BAD_NUMBER],
    ['with a word for a number', { number: 'Ada', from_number: LINE }, 400, BAD_NUMBER],
    ['without a from_number', { number: CONTACT }, 400, BAD_FROM_NUMBER],
    ['with an empty from_number', { number: CONTACT, from_number: '' }, 400, BAD_FROM_NUMBER],
    ['with a from_number that is no text', { number: CONTACT, from_number: 1 }, 400, BAD_FROM_NUMBER],
    ['with a malformed from_number', { number: CONTACT, from_number: '19175551234' }, 400, BAD_FROM_NUMBER],
    ['with an e-mail for a from_number', { number: CONTACT, from_number: 'a@example.com' }, 400, BAD_FROM_NUMBER],
    ['for a line that nobody has', { number: CONTACT, from_number: '+19175550100' }, 404, NOT_REGISTERED],
  ]
  for (const [how, body, status, message] of refused) {
    test(`refuses a call ${how}: ${status}`, async () => {
      const answer = await markRead(body)
      assert.equal(answer.status, status)
      assert.deepEqual(answer.body, { status: 'ERROR', message })
      assert.equal(answer.headers.get('readback-receipt-id'), null)
    })
  }

  test('does not tell another account’s line from none at all', async () => {
    await customer(server, { lines: ['+19175550101'] })
    const foreign = await markRead({ number: CONTACT, from_number: '+19175550101' })
    assert.equal(foreign.status, 404)
    assert.deepEqual(foreign.body, { status: 'ERROR', message: NOT_REGISTERED })
  })

  test('strips spaces, dots, hyphens and brackets behind a +, and answers the number in its normal form', async () => {
    for (const number of ['+1 (415) 555-1234', '+1.415.555.1234', '+1-415-555-1234', '+[1]4155551234']) {
      const answer = await markRead({ number, from_number: '+1 917 555-1234' })
      assert.equal(answer.body.number, CONTACT, number)
    }
  })

  test('takes an e-mail handle', async () => {
    await account.write({ number: 'ada@example.com' })
    const answer = await markRead({ number: 'Ada@Example.com', from_number: LINE })
    assert.equal(answer.body.number, 'ada@example.com')
    await account.settled(answer.headers.get('readback-receipt-id') ?? '')
    assert.notEqual((await account.phone('ada@example.com'))[0]?.read_at, null)
  })

  test('answers 401 alike for no key, a wrong id and a wrong secret', async () => {
    const body = { number: CONTACT, from_number: LINE }
    const wrong = [{ 'sb-api-key-id': 'nobody' }, { 'sb-api-secret-key': 'wrong' }, { 'sb-api-key-id': '' }]
    const answers = await Promise.all(wrong.map((headers) => account.call('POST', '/api/mark-read', body, headers)))
    for (const answer of answers) {
      assert.equal(answer.status, 401)
      assert.deepEqual(answer.body, { status: 'ERROR', message: 'Invalid API key id or secret' })
    }
  })

  test('is closed by the account gate, before anything is said about the body', async () => {
    const closed = await customer(server, { readReceipts: false, lines: ['+19175550102'] })
    for (const body of [{ number: CONTACT, from_number: '+19175550102' }, {}, 'not json', 'x'.repeat(70_000)]) {
      const answer = await closed.call('POST', '/api/mark-read', body)
      assert.equal(answer.status, 403)
      assert.equal(answer.body.status, 'ERROR')
      assert.match(answer.body.message, /operator/)
    }
    const plain = await closed.call('POST', '/api/mark-read', 'x', { 'content-type': 'text/plain' })
    assert.equal(plain.status, 403)
  })

  test('is closed to a disabled account', async () => {
    const disabled = await customer(server, { lines: ['+19175550103'] })
    await server.operator.must(200, 'PATCH', `/operator/accounts/${disabled.accountId}`, { disabled: true })
    const answer = await disabled.call('POST', '/api/mark-read', { number: CONTACT, from_number: '+19175550103' })
    assert.equal(answer.status, 403)
  })

  test('takes a call for an SMS conversation; the receipt is skipped and says why', async () => {
    await account.write({ number: '+14155550110', service: 'SMS' })
    const receipt = await account.settled(await account.markRead('+14155550110'))
    assert.deepEqual([receipt.state, receipt.reason, receipt.attempts], ['skipped', 'sms', 0])
    assert.equal((await account.phone('+14155550110'))[0]?.read_at, null)
  })

  test('sends receipts on RCS', async () => {
    await account.write({ number: '+14155550111', service: 'RCS' })
    assert.equal((await account.settled(await account.markRead('+14155550111'))).state, 'sent')
    assert.notEqual((await account.phone('+14155550111'))[0]?.read_at, null)
  })

  test('tries by number where nobody has written yet', async () => {
    const receipt = await account.settled(await account.markRead('+14155550112'))
    assert.deepEqual([receipt.state, receipt.read_up_to], ['sent', null])
  })

  test('sends again when asked again, though nothing is new', async () => {
    await account.write({ number: '+14155550113' })
    const first = await account.settled(await account.markRead('+14155550113'))
    const second = await account.settled(await account.markRead('+14155550113'))
    assert.notEqual(first.receipt_id, second.receipt_id)
    assert.deepEqual([second.state, second.attempts], ['sent', 1])
  })

  test('joins the receipt that is queued: two calls become one carrier call', async () => {
    await account.write({ number: '+14155550114' })
    await server.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(LINE)}`, { paused: true })
    const first = await account.markRead('+14155550114')
    assert.equal(await account.markRead('+14155550114'), first)
    assert.equal((await account.receipt(first)).requests, 2)
    await server.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(LINE)}`, { paused: false })
    const receipt = await account.settled(first)
    assert.deepEqual([receipt.state, receipt.requests, receipt.attempts], ['sent', 2, 1])
  })

  test('leaves a line in a log without the number, the key or the text', async () => {
    await until(
      'a line in the log',
      () => server.logs,
      (logs) => logs.some((line) => line.includes('/api/mark-read')),
    )
    for (const secret of [CONTACT, LINE, account.keys['sb-api-secret-key'], 'Hello']) {
      assert.ok(!server.logs.some((line) => line.includes(secret)), secret)
    }
  })
})
