import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import Sendblue from 'sendblue'
import { type FailingFirst, startFailingFirst } from './support/failing-first.ts'
import { CONTACT, type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

/** The official package as its users make it: where to call and with what comes out of the environment. */
function sdkOf({ keys }: Pick<Customer, 'keys'>, base: string): Sendblue {
  const given = {
    SENDBLUE_API_BASE_URL: base,
    SENDBLUE_API_API_KEY: keys['sb-api-key-id'],
    SENDBLUE_API_API_SECRET: keys['sb-api-secret-key'],
  }
  const before = Object.keys(given).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, given)
  try {
    return new Sendblue()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}

describe('the official SDK, unmodified', () => {
  let server: Readback
  let account: Customer
  let between: FailingFirst
  let sdk: Sendblue
  before(async () => {
    server = await startReadback()
    account = await customer(server)
    between = await startFailingFirst(server.base)
    sdk = sdkOf(account, between.base)
  })
  after(async () => {
    await between[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  describe('messages', () => {
    let handle: string
    before(async () => {
      const [first = ''] = await account.write({ content: 'typed', media_urls: ['https://example.com/a.jpg'] })
      await account.write({ number: '+14155550101', content: 'group', group_id: 'a group', service: 'RCS' })
      handle = first
    })

    test('are listed with every filter that it knows', async () => {
      const filters: Required<Sendblue.MessageListParams> = {
        account_email: 'customer@example.com',
        created_at_gte: '2026-01-01T00:00:00Z',
        created_at_lte: '2099-01-01T00:00:00+01:00',
        from_number: CONTACT,
        group_id: '',
        is_outbound: 'false',
        limit: 10,
        message_type: 'message',
        number: CONTACT,
        offset: 0,
        order_by: 'sentAt',
        order_direction: 'asc',
        sendblue_number: LINE,
        sent_at_gte: '2026-01-01',
        sent_at_lte: '2099-01-01',
        service: 'iMessage',
        status: 'RECEIVED',
        to_number: LINE,
        updated_at_gte: '2026-01-01T00:00:00',
        updated_at_lte: '2099-01-01',
        worker_id: (await sdk.lines.getState()).data[0]?.worker_id ?? '',
      }
      const { group_id: _, ...direct } = filters
      const { data, pagination, status } = await sdk.messages.list(direct)
      assert.equal(status, 'OK')
      assert.deepEqual(pagination, { hasMore: false, limit: 10, offset: 0, total: 1 })
      const [row] = data ?? []
      assert.deepEqual(
        [
          row?.message_handle,
          row?.content,
          row?.media_url,
          row?.status,
          row?.service,
          row?.message_type,
          row?.is_outbound,
        ],
        [handle, 'typed', 'https://example.com/a.jpg', 'RECEIVED', 'iMessage', 'message', false],
      )
      assert.deepEqual([row?.from_number, row?.to_number, row?.sendblue_number], [CONTACT, LINE, LINE])
      const grouped = await sdk.messages.list({ group_id: 'a group' })
      assert.deepEqual(
        grouped.data?.map(({ group_id, message_type }) => [group_id, message_type]),
        [['a group', 'group']],
      )
    })

    test('are listed without a filter, newest first, page by page', async () => {
      const all = await sdk.messages.list()
      assert.equal(all.pagination?.total, 2)
      const pages = [await sdk.messages.list({ limit: 1 }), await sdk.messages.list({ limit: 1, offset: 1 })]
      assert.deepEqual(
        pages.flatMap(({ data }) => data),
        all.data,
      )
      assert.deepEqual(
        pages.map(({ pagination }) => pagination?.hasMore),
        [true, false],
      )
    })

    test('are retrieved one by one, and not found as an error of its own class', async () => {
      const { data } = await sdk.messages.retrieve(handle)
      assert.deepEqual(
        [data?.message_handle, data?.accountEmail, data?.plan],
        [handle, 'customer@example.com', 'free_api'],
      )
      await assert.rejects(sdk.messages.retrieve('msg_none'), Sendblue.NotFoundError)
    })

    test('are sent, and their status is asked for', async () => {
      const sent = await sdk.messages.send({
        from_number: LINE,
        number: CONTACT,
        content: 'Hi',
        send_style: 'confetti',
      })
      assert.deepEqual(
        [sent.status, sent.is_outbound, sent.from_number, sent.number, sent.content, sent.send_style],
        ['QUEUED', true, LINE, CONTACT, 'Hi', 'confetti'],
      )
      const { status } = await until(
        'the phone to have it',
        () => sdk.messages.getStatus({ handle: sent.message_handle ?? '' }),
        (seen) => seen.status === 'DELIVERED',
      )
      assert.equal(status, 'DELIVERED')
      assert.deepEqual((await account.phone()).at(-1)?.content, 'Hi')
    })

    test('are announced by a typing indicator, which ends when it is told to', async () => {
      const shown = async () => {
        const query = new URLSearchParams({ number: CONTACT, from_number: LINE })
        return (await account.must(200, 'GET', `/simulator/handset?${query}`)).body.typing
      }
      const said = await sdk.typingIndicators.send({ from_number: LINE, number: CONTACT })
      assert.deepEqual(said, { status: 'SENT', number: CONTACT, error_message: null })
      assert.equal(await shown(), true)
      await sdk.typingIndicators.send({ from_number: LINE, number: CONTACT, state: 'stop' })
      assert.equal(await shown(), false)
      await sdk.typingIndicators.send({ from_number: LINE, number: CONTACT, max_duration_ms: 200 })
      await until('it to end by itself', shown, (typing) => !typing)
    })

    test('are marked as read by a raw post', async () => {
      const body = { number: CONTACT, from_number: LINE }
      const answer = await sdk.post('/api/mark-read', { body })
      assert.deepEqual(answer, { status: 'OK', message: 'Mark read request sent', number: CONTACT })
    })
  })

  describe('lines and lookups', () => {
    test('tell the state of each line', async () => {
      const { status, snapshot_at, data } = await sdk.lines.getState()
      assert.equal(status, 'OK')
      assert.ok(Date.parse(snapshot_at) > 0)
      assert.deepEqual(
        data.map(({ sendblue_number, assignment, status }) => [sendblue_number, assignment, status]),
        [[LINE, 'assigned', 'ONLINE']],
      )
      assert.deepEqual(await sdk.get('/api/lines'), { numbers: [LINE] })
    })

    test('tell whether a contact has iMessage', async () => {
      assert.deepEqual(await sdk.lookups.lookupNumber({ number: CONTACT }), { number: CONTACT, service: 'iMessage' })
    })
  })

  describe('webhooks', () => {
    const one = 'http://127.0.0.1:9/one'
    const two = { url: 'http://127.0.0.1:9/two', secret: 'a-secret-of-its-own', sendblue_numbers: [LINE] }

    test('are created, listed, replaced and deleted', async () => {
      const created = await sdk.webhooks.create({
        webhooks: [one, two],
        type: 'receive',
        globalSecret: 'a-global-secret',
      })
      assert.deepEqual([created.status, created.webhooks?.receive], ['OK', [one, two]])
      const listed = await sdk.webhooks.list()
      assert.deepEqual([listed.webhooks?.receive, listed.webhooks?.globalSecret], [[one, two], 'a-global-secret'])
      const updated = await sdk.webhooks.update({ webhooks: { receive: [two], outbound: [one] } })
      assert.deepEqual([updated.webhooks?.receive, updated.webhooks?.outbound], [[two], [one]])
      const deleted = await sdk.webhooks.delete({ webhooks: [two.url], type: 'receive' })
      assert.equal(deleted.status, 'OK')
      assert.deepEqual((await sdk.webhooks.list()).webhooks?.receive, [])
    })

    test('of a fresh account are taken back as they are listed, and a secret is made for them', async () => {
      const fresh = sdkOf(await customer(server, { lines: [] }), between.base)
      const { webhooks: none = {} } = await fresh.webhooks.list()
      assert.equal(none.globalSecret, '')
      const updated = await fresh.webhooks.update({ webhooks: none })
      const secret = updated.webhooks?.globalSecret ?? ''
      assert.match(secret, /^whsec_/)
      const created = await fresh.webhooks.create({ webhooks: [one], globalSecret: '' })
      assert.deepEqual([created.webhooks?.receive, created.webhooks?.globalSecret], [[one], secret])
    })
  })

  describe('its errors and retries', () => {
    let calls: number
    beforeEach(() => {
      calls = between.calls.length
    })
    const made = () => between.calls.length - calls

    test('repeat what a 503 or a 429 asks to come again for, and get through', async () => {
      between.fail(1, 503, { 'retry-after': '0.05' })
      assert.deepEqual(await sdk.get('/api/lines'), { numbers: [LINE] })
      between.fail(2, 429, { 'retry-after-ms': '20' })
      const answer = await sdk.post('/api/mark-read', { body: { number: CONTACT, from_number: LINE } })
      assert.equal((answer as { status: string }).status, 'OK')
      assert.equal(made(), 5)
    })

    test('give up after three calls', async () => {
      between.fail(3, 503, { 'retry-after-ms': '10' })
      await assert.rejects(sdk.lines.getState(), Sendblue.InternalServerError)
      assert.equal(made(), 3)
    })

    test('repeat nothing that was refused for good, and show its message', async () => {
      const body = { number: '', from_number: LINE }
      await assert.rejects(sdk.post('/api/mark-read', { body }), {
        message: '400 You must specify a `number` in the request body.',
      })
      await assert.rejects(sdk.messages.list({ limit: -1 }), Sendblue.BadRequestError)
      await assert.rejects(sdk.lookups.lookupNumber({ number: 'x' }), Sendblue.BadRequestError)
      await assert.rejects(sdk.messages.retrieve('none'), Sendblue.NotFoundError)
      const wrong = { ...account.keys, 'sb-api-secret-key': 'wrong' }
      await assert.rejects(sdkOf({ keys: wrong }, between.base).webhooks.list(), Sendblue.AuthenticationError)
      assert.equal(made(), 5)
    })
  })
})
