import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTACT, type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'

const OTHER_LINE = '+19175550120'
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

describe('/readback/v1/receipts', () => {
  let server: Readback
  let account: Customer
  before(async () => {
    server = await startReadback()
    account = await customer(server, { lines: [LINE, OTHER_LINE] })
  })
  after(() => server[Symbol.asyncDispose]())

  const list = async (query: Readonly<Record<string, string>> = {}) =>
    (await account.must(200, 'GET', `/readback/v1/receipts?${new URLSearchParams(query)}`)).body
  const idsOf = (data: readonly { receipt_id: string }[]) => data.map(({ receipt_id }) => receipt_id)

  test('tells all there is to know of one', async () => {
    const [handle] = await account.write()
    const id = await account.markRead()
    const { requested_at, expires_at, settled_at, ...rest } = (await account.settled(id)) as Awaited<
      ReturnType<Customer['receipt']>
    > & { requested_at: string; expires_at: string }
    assert.deepEqual(rest, {
      receipt_id: id,
      number: CONTACT,
      from_number: LINE,
      service: 'iMessage',
      trigger: 'api',
      state: 'sent',
      reason: null,
      requests: 1,
      attempts: 1,
      read_up_to: handle,
      next_attempt_at: null,
      verified_at: null,
    })
    for (const time of [requested_at, expires_at, settled_at]) assert.match(time ?? '', ISO)
    assert.equal(Date.parse(expires_at) - Date.parse(requested_at), 900_000)
  })

  test('lists newest first, and filters by number, line, state and trigger', async () => {
    await account.write({ number: '+14155550121', service: 'SMS' })
    await account.write({ number: '+14155550121', to_number: OTHER_LINE })
    const skipped = await account.markRead('+14155550121')
    const sent = await account.markRead('+14155550121', OTHER_LINE)
    await account.must(200, 'POST', '/accounts/settings/auto-mark-read', { auto_mark_read: true })
    await account.write({ number: '+14155550122' })
    await account.must(200, 'POST', '/accounts/settings/auto-mark-read', { auto_mark_read: false })
    const [auto] = (await list({ trigger: 'auto' })).data
    for (const id of [skipped, sent, auto.receipt_id]) await account.settled(id)

    assert.deepEqual(idsOf((await list({ limit: '3' })).data), [auto.receipt_id, sent, skipped])
    assert.deepEqual(idsOf((await list({ number: '+1 415 555-0121' })).data), [sent, skipped])
    assert.deepEqual(idsOf((await list({ number: '+14155550121', from_number: OTHER_LINE })).data), [sent])
    assert.deepEqual(idsOf((await list({ from_number: OTHER_LINE })).data), [sent])
    assert.deepEqual(idsOf((await list({ state: 'skipped' })).data), [skipped])
    assert.deepEqual(idsOf((await list({ trigger: 'auto', number: '+14155550122' })).data), [auto.receipt_id])
    assert.deepEqual(await list({ number: '+14155550199' }), { status: 'OK', data: [], next_cursor: null })
    assert.deepEqual((await list({ from_number: '+19175550199' })).data, [])
  })

  test('pages through all of them, each once, also while new ones come', async () => {
    const all = idsOf((await list({ limit: '200' })).data)
    const paged: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await list({ limit: '2', ...(cursor === '' ? {} : { cursor }) })
      paged.push(...idsOf(page.data))
      cursor = page.next_cursor
      await account.markRead('+14155550123')
    }
    assert.deepEqual(paged, all)
  })

  test('pages through those of one number, waiting and settled together', async () => {
    const number = '+14155550124'
    const settled = await account.settled(await account.markRead(number))
    const path = `/operator/lines/${encodeURIComponent(LINE)}`
    await server.operator.must(200, 'PATCH', path, { paused: true })
    const waiting = await account.markRead(number)
    const first = await list({ number, limit: '1' })
    assert.deepEqual(idsOf(first.data), [waiting])
    assert.deepEqual([first.data[0].state, first.data[0].settled_at], ['queued', null])
    const second = await list({ number, limit: '1', cursor: first.next_cursor })
    assert.deepEqual([idsOf(second.data), second.next_cursor], [[settled.receipt_id], null])
    await server.operator.must(200, 'PATCH', path, { paused: false })
    await account.settled(waiting)
  })

  const REFUSED: readonly [string, RegExp][] = [
    ['limit=0', /limit/],
    ['limit=201', /limit/],
    ['limit=many', /limit/],
    ['limit=1.5', /limit/],
    ['limit=0x10', /limit/],
    ['limit=%201', /limit/],
    ['limit=', /limit/],
    ['state=read', /state/],
    ['trigger=me', /trigger/],
    ['number=Ada', /number/],
    ['from_number=1', /from_number/],
    ['cursor=rcpt_00', /cursor/],
    ['cursor=acct_1', /cursor/],
    ['cursor=', /cursor/],
    ['page=2', /page/],
    ['limit=1&limit=2', /limit/],
  ]
  for (const [query, names] of REFUSED) {
    test(`refuses ?${query} with a message that names it`, async () => {
      const answer = await account.call('GET', `/readback/v1/receipts?${query}`)
      assert.equal(answer.status, 400, JSON.stringify(answer.body))
      assert.match(answer.body.message, names)
    })
  }

  test('does not tell another account’s receipt from none at all', async () => {
    const id = await account.markRead()
    const stranger = await customer(server, { lines: [] })
    for (const word of [id, 'rcpt_zzzzzz', 'rcpt_', 'msg_1', '1', '%00']) {
      const answer = await stranger.call('GET', `/readback/v1/receipts/${word}`)
      assert.deepEqual([answer.status, answer.body], [404, { status: 'ERROR', message: 'No such receipt' }], word)
    }
    assert.deepEqual((await stranger.must(200, 'GET', '/readback/v1/receipts')).body.data, [])
    assert.equal(
      (await stranger.call('GET', `/readback/v1/receipts/${id}`, undefined, { 'sb-api-key-id': '' })).status,
      401,
    )
  })
})
