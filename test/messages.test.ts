import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'

const ADA = '+14155550101'
const BOB = '+14155550102'
const OTHER_LINE = '+19175550102'
const GROUP = 'chat of a group'

interface Row {
  readonly content: string
  readonly message_handle: string
  readonly date_sent: string
}

describe('lists of messages', () => {
  let server: Readback
  let account: Customer
  let handles: Readonly<Record<string, string>>
  before(async () => {
    server = await startReadback()
    account = await customer(server, { lines: [LINE, OTHER_LINE], auto: true })
    const one = async (message: Readonly<Record<string, unknown>>) => (await account.write(message))[0] ?? ''
    handles = {
      hello: await one({ number: ADA, content: 'hello', sent_at: '2026-03-01T10:00:00Z' }),
      sms: await one({ number: BOB, content: 'sms', service: 'SMS', sent_at: '2026-02-01T10:00:00Z' }),
      group: await one({ number: ADA, content: 'group', group_id: GROUP, sent_at: '2026-01-01T10:00:00Z' }),
      other: await one({ number: ADA, to_number: OTHER_LINE, content: 'other', sent_at: '2026-04-01T10:00:00Z' }),
      now: await one({ number: 'ada@example.com', content: 'now' }),
    }
  })
  after(() => server[Symbol.asyncDispose]())

  const list = async (query: Readonly<Record<string, string>> = {}) =>
    (await account.must(200, 'GET', `/api/v2/messages?${new URLSearchParams(query)}`)).body
  const contents = async (query: Readonly<Record<string, string>>) =>
    (await list(query)).data.map(({ content }: Row) => content)

  test('are newest first, whole, and say how many there are', async () => {
    const { status, data, pagination } = await list()
    assert.equal(status, 'OK')
    assert.deepEqual(
      data.map(({ content }: Row) => content),
      ['now', 'other', 'group', 'sms', 'hello'],
    )
    assert.deepEqual(pagination, { hasMore: false, limit: 50, offset: 0, total: 5 })
  })

  test('have every field of the SDK’s, and what the auto rule made of the message', async () => {
    const [row] = (await list({ number: BOB })).data
    const { date_updated, ...fixed } = row
    assert.ok(Date.parse(date_updated) > Date.parse('2026-03-01'))
    assert.deepEqual(fixed, {
      accountEmail: 'customer@example.com',
      content: 'sms',
      is_outbound: false,
      status: 'RECEIVED',
      error_code: null,
      error_message: null,
      error_reason: null,
      error_detail: null,
      message_handle: handles.sms,
      date_sent: '2026-02-01T10:00:00.000Z',
      from_number: BOB,
      number: BOB,
      to_number: LINE,
      sendblue_number: LINE,
      was_downgraded: null,
      plan: 'free_api',
      media_url: '',
      message_type: 'message',
      group_id: '',
      group_display_name: null,
      participants: [],
      send_style: '',
      opted_out: false,
      service: 'SMS',
      date_read: null,
      auto_mark_read: { fired: false, reason: 'service' },
    })
    const fates = (await list()).data.map(({ auto_mark_read }: { auto_mark_read: object }) => auto_mark_read)
    assert.deepEqual(fates, [
      { fired: true, reason: null },
      { fired: false, reason: 'too_old' },
      { fired: false, reason: 'group' },
      { fired: false, reason: 'service' },
      { fired: false, reason: 'too_old' },
    ])
  })

  const FILTERS: readonly [query: Readonly<Record<string, string>>, found: readonly string[]][] = [
    [{ number: ADA }, ['other', 'group', 'hello']],
    [{ number: LINE }, ['now', 'group', 'sms', 'hello']],
    [{ number: 'ADA@example.com' }, ['now']],
    [{ from_number: ADA }, ['other', 'group', 'hello']],
    [{ from_number: LINE }, []],
    [{ to_number: OTHER_LINE }, ['other']],
    [{ to_number: ADA }, []],
    [{ sendblue_number: OTHER_LINE }, ['other']],
    [{ sendblue_number: '+19175550199' }, []],
    [{ account_email: 'Customer@example.com', number: BOB }, ['sms']],
    [{ account_email: 'somebody@example.com' }, []],
    [{ is_outbound: 'true' }, []],
    [{ is_outbound: 'false', sendblue_number: OTHER_LINE }, ['other']],
    [{ message_type: 'group' }, ['group']],
    [{ message_type: 'message', number: ADA }, ['other', 'hello']],
    [{ group_id: GROUP }, ['group']],
    [{ group_id: ADA }, []],
    [{ service: 'SMS' }, ['sms']],
    [{ status: 'RECEIVED', limit: '1' }, ['now']],
    [{ status: 'DELIVERED' }, []],
    [{ status: 'REGISTERED' }, []],
    [{ sent_at_gte: '2026-03-01T10:00:00Z', number: ADA }, ['other', 'hello']],
    [{ sent_at_gte: '2026-03-01T10:00Z', number: ADA }, ['other', 'hello']],
    [{ sent_at_gte: '2026-03-01T12:00+02:00', number: ADA }, ['other', 'hello']],
    [{ sent_at_gte: '2026-03-01T10:00', number: ADA }, ['other', 'hello']],
    [{ sent_at_gte: '2026-03-01T12:00:00+02:00', sent_at_lte: '2026-03-01' }, []],
    [{ sent_at_gte: '2026-03-01T12:00:00+02:00', sent_at_lte: '2026-03-01T10:00:00' }, ['hello']],
    [{ sent_at_lte: '2026-02-01T10:00:00Z' }, ['group', 'sms']],
    [{ created_at_lte: '2026-04-02' }, []],
    [{ created_at_gte: '2026-04-02', number: BOB }, ['sms']],
    [{ updated_at_gte: '2026-04-02', number: BOB }, ['sms']],
    [{ updated_at_lte: '2026-04-02' }, []],
    [{ order_by: 'sentAt', order_direction: 'asc' }, ['group', 'sms', 'hello', 'other', 'now']],
    [{ order_by: 'updatedAt', order_direction: 'asc', limit: '2' }, ['hello', 'sms']],
    [{ order_direction: 'asc', offset: '3' }, ['other', 'now']],
  ]
  for (const [query, found] of FILTERS) {
    test(`with ${JSON.stringify(query)} are ${found.join(', ') || 'empty'}`, async () => {
      assert.deepEqual(await contents(query), found)
    })
  }

  test('take a line’s worker_id, and numbers whose plus nobody encoded', async () => {
    const { body } = await account.must(200, 'GET', '/api/v2/lines/state')
    assert.deepEqual(await contents({ worker_id: body.data[1].worker_id }), ['other'])
    const bare = await account.must(200, 'GET', `/api/v2/messages?sendblue_number=${OTHER_LINE}&number=${ADA}`)
    assert.equal(bare.body.pagination.total, 1)
  })

  test('come in pages, of a hundred at the most', async () => {
    const pages = [
      await list({ limit: '2' }),
      await list({ limit: '2', offset: '2' }),
      await list({ limit: '2', offset: '4' }),
    ]
    assert.deepEqual(
      pages.map(({ data, pagination: { hasMore, total } }) => [data.length, hasMore, total]),
      [
        [2, true, 5],
        [2, true, 5],
        [1, false, 5],
      ],
    )
    assert.equal((await list({ limit: '5000' })).pagination.limit, 100)
  })

  test('hold what lines that are gone held, and nothing of another account', async () => {
    const stranger = await customer(server, { lines: ['+19175550103'] })
    const [foreign] = await stranger.write({ to_number: '+19175550103', content: 'foreign' })
    const path = `/operator/lines/${encodeURIComponent('+19175550103')}`
    await server.operator.must(200, 'DELETE', path)
    const { body } = await stranger.must(200, 'GET', '/api/v2/messages')
    assert.deepEqual(
      body.data.map(({ content }: Row) => content),
      ['foreign'],
    )
    assert.equal((await stranger.must(200, 'GET', `/api/v2/messages/${foreign}`)).body.data.content, 'foreign')
    assert.equal((await list()).pagination.total, 5)
    assert.equal((await stranger.must(200, 'GET', `/api/v2/messages?sendblue_number=${LINE}`)).body.pagination.total, 0)
  })

  test('have each message by its handle; another account’s is as absent as none', async () => {
    const { body } = await account.must(200, 'GET', `/api/v2/messages/${handles.now}`)
    const [first] = (await list({ limit: '1' })).data
    assert.deepEqual(body, { status: 'OK', data: first })
    const stranger = await customer(server, { lines: [] })
    const answers = [
      await stranger.must(404, 'GET', `/api/v2/messages/${handles.now}`),
      await stranger.must(404, 'GET', '/api/v2/messages/msg_zzzz'),
      await stranger.must(404, 'GET', '/api/v2/messages/nonsense'),
    ]
    assert.deepEqual(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1)
  })

  test('refuse rubbish in any filter by its name, and a filter that there is not', async () => {
    const names = ['account_email', 'created_at_gte', 'created_at_lte', 'from_number', 'is_outbound', 'limit']
    names.push('message_type', 'number', 'offset', 'order_by', 'order_direction', 'sendblue_number', 'sent_at_gte')
    names.push('sent_at_lte', 'service', 'status', 'to_number', 'updated_at_gte', 'updated_at_lte', 'worker_id')
    for (const name of names) {
      for (const rubbish of ['rubbish', '', '-1', '\0', '2026-13-01', '1e400', '🙂']) {
        const { body } = await account.must(400, 'GET', `/api/v2/messages?${new URLSearchParams({ [name]: rubbish })}`)
        assert.ok(body.message.includes(`\`${name}\``), `${name}=${rubbish}: ${body.message}`)
      }
      const twice = await account.must(400, 'GET', `/api/v2/messages?${name}=${ADA}&${name}=${ADA}`)
      assert.ok(twice.body.message.includes(`\`${name}\``), twice.body.message)
    }
    for (const rubbish of ['', '\0', 'x'.repeat(513)]) {
      const { body } = await account.must(400, 'GET', `/api/v2/messages?${new URLSearchParams({ group_id: rubbish })}`)
      assert.ok(body.message.includes('`group_id`'), body.message)
    }
    const { body } = await account.must(400, 'GET', '/api/v2/messages?colour=blue')
    assert.match(body.message, /colour/)
  })
})
