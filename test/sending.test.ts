import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTACT, type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'
import { ended, send, statusOf } from './support/sending.ts'
import { until } from './support/until.ts'

const SECOND_LINE = '+19175550111'

describe('a message that a line sends', () => {
  let server: Readback
  let account: Customer
  before(async () => {
    server = await startReadback()
    account = await customer(server, { lines: [LINE, SECOND_LINE] })
  })
  after(() => server[Symbol.asyncDispose]())

  test('is QUEUED in the words of the SDK, then on the phone, and DELIVERED', async () => {
    const given = { number: CONTACT, from_number: LINE, content: 'Hello there', send_style: 'confetti' }
    const { body } = await account.must(200, 'POST', '/api/send-message', given)
    const { date_created, date_updated, message_handle, ...rest } = body
    assert.match(message_handle, /^msg_/)
    assert.ok(Date.parse(date_created) > 0 && date_updated === date_created)
    assert.deepEqual(rest, {
      account_email: 'customer@example.com',
      content: 'Hello there',
      date_read: null,
      error_code: null,
      error_message: null,
      error_reason: null,
      from_number: LINE,
      is_outbound: true,
      media_url: '',
      message_type: 'message',
      number: CONTACT,
      seat_id: null,
      send_style: 'confetti',
      sender_email: null,
      status: 'QUEUED',
    })
    assert.equal((await ended(account, message_handle)).status, 'DELIVERED')
    const [seen] = (await account.phone()) as unknown as Record<string, unknown>[]
    const { delivered_at, ...shown } = seen ?? {}
    assert.ok(typeof delivered_at === 'string')
    assert.deepEqual(shown, {
      message_handle,
      part: 0,
      content: 'Hello there',
      media_url: null,
      service: 'iMessage',
      read_at: null,
      from_line: true,
      send_style: 'confetti',
    })
  })

  test('has up to 20,000 characters, also where each is written in JSON that keeps to ASCII', async () => {
    const headers = { ...account.keys, 'content-type': 'application/json' }
    for (const [number, letter, code] of [
      ['+14155550148', 'я', '\\u044f'],
      ['+14155550149', '😀', '\\ud83d\\ude00'],
    ] as const) {
      const content = letter.repeat(20_000)
      const escaped = JSON.stringify({ number, from_number: LINE, content }).replaceAll(letter, code)
      const answer = await fetch(`${server.base}/api/send-message`, { method: 'POST', headers, body: escaped })
      const { message_handle } = (await answer.json()) as { message_handle: string }
      assert.equal((await ended(account, message_handle)).status, 'DELIVERED')
      assert.equal((await account.phone(number))[0]?.content, content)
    }
  })

  test('goes after those that were accepted before it, whatever stood in their way', async () => {
    const number = '+14155550140'
    await account.carrier({ fail_next: 2, latency_ms: 5 })
    const handles = []
    for (const content of ['1', '2', '3', '4', '5']) handles.push(await send(account, { number, content }))
    for (const handle of handles) assert.equal((await ended(account, handle)).status, 'DELIVERED')
    await account.carrier({ latency_ms: 0 })
    assert.deepEqual(
      (await account.phone(number)).map(({ content }) => content),
      ['1', '2', '3', '4', '5'],
    )
  })

  test('waits for its own line alone, and no receipt waits for it', async () => {
    const number = '+14155550141'
    await account.carrier({ from_number: SECOND_LINE, latency_ms: 2_000 })
    const slow = await send(account, { number, from_number: SECOND_LINE })
    assert.equal((await ended(account, await send(account, { number }))).status, 'DELIVERED')
    await account.write({ number })
    assert.equal((await account.settled(await account.markRead(number))).state, 'sent')
    assert.equal((await statusOf(account, slow)).status, 'QUEUED')
    await account.carrier({ from_number: SECOND_LINE, latency_ms: 0 })
  })

  test('goes by the service by which the contact last wrote, and what that cannot carry is refused', async () => {
    const number = '+14155550142'
    await account.write({ number, service: 'RCS' })
    await ended(account, await send(account, { number, media_url: 'https://example.com/a.png' }))
    const own = (await account.phone(number)).at(-1) as unknown as Record<string, unknown>
    assert.deepEqual([own.service, own.media_url], ['RCS', 'https://example.com/a.png'])
    const styled = { number, from_number: LINE, content: 'Boo', send_style: 'slam' }
    const refused = await account.call('POST', '/api/send-message', styled)
    assert.deepEqual([refused.status, /send_style.*RCS/.test(refused.body.message)], [400, true])
  })

  test('is seen by its own account alone', async () => {
    const stranger = await customer(server, { lines: [] })
    const handle = await send(account)
    for (const word of [handle, 'msg_zzzzzz', 'none']) {
      assert.equal((await stranger.call('GET', `/api/status?handle=${word}`)).status, 404)
    }
    const other = await stranger.call('POST', '/api/send-message', { number: CONTACT, from_number: LINE, content: 'x' })
    assert.deepEqual(other.body, { status: 'ERROR', message: 'The from_number is not registered' })
    assert.equal(other.status, 404)
  })

  const good = { number: CONTACT, from_number: LINE, content: 'Hi' }
  const RUBBISH: readonly (readonly [field: string, change: Record<string, unknown>])[] = [
    ...[null, 7, '', 'nobody', ['+14155551234'], {}].map((number) => ['number', { number }] as const),
    ...[null, 7, '', 'nobody', CONTACT.slice(1)].map((from_number) => ['from_number', { from_number }] as const),
    ...[null, 7, [], { text: 'x' }, 'x'.repeat(20_001), 'a\0b'].map((content) => ['content', { content }] as const),
    ['content', { content: '' }],
    ['content', { content: '   ' }],
    ['content', { content: undefined }],
    ...['media_url', 'status_callback'].flatMap((field) =>
      [
        null,
        7,
        '',
        'x',
        'ftp://example.com',
        'http://u:p@example.com',
        'http://169.254.169.254',
        'http://10.0.0.1',
      ].map((url) => [field, { [field]: url }] as const),
    ),
    ...[null, 7, '', 'sparkle', ['slam']].map((send_style) => ['send_style', { send_style }] as const),
    ...['app_card', 'reply_to', 'seat_id', 'colour'].map((field) => [field, { [field]: 'x' }] as const),
  ]
  test('is refused with the name of the field that is wrong', async () => {
    for (const [field, change] of RUBBISH) {
      const answer = await account.call('POST', '/api/send-message', { ...good, ...change })
      const told = `${JSON.stringify(change).slice(0, 100)}: ${answer.status} ${answer.body.message}`
      assert.equal(answer.status, 400, told)
      assert.ok(answer.body.message.includes(`\`${field}\``), told)
    }
    for (const query of ['', '?handle=', '?handle=a&handle=b', '?handle=msg_1&x=1']) {
      const answer = await account.call('GET', `/api/status${query}`)
      assert.deepEqual([answer.status, typeof answer.body.message], [400, 'string'], query)
    }
  })
})

const REPLIES: readonly (readonly [who: string, path: string, body: object])[] = [
  ['writes', '/api/send-message', { content: 'Hi' }],
  ['begins to type', '/api/send-typing-indicator', { state: 'start' }],
]
for (const [who, path, body] of REPLIES) {
  test(`who ${who} sends at once what waited for a reply, and who stops typing does not`, async (t) => {
    // A look through all lines would find it without a word.
    t.mock.timers.enable({ apis: ['setInterval'] })
    await using server = await startReadback()
    const account = await customer(server, { auto: true })
    const place = { number: CONTACT, from_number: LINE }
    const timing = { auto_mark_read_timing: { mode: 'on_reply' } }
    await account.must(200, 'PATCH', '/readback/v1/settings', timing)
    const [handle] = await account.write()
    const shown = async () => (await account.phone()).find(({ message_handle }) => message_handle === handle)
    await account.must(200, 'POST', '/api/send-typing-indicator', { ...place, state: 'stop' })
    const { data } = (await account.must(200, 'GET', '/readback/v1/receipts?limit=1')).body
    assert.deepEqual([data[0].reason, (await shown())?.read_at], ['awaiting_reply', null])
    await account.must(200, 'POST', path, { ...place, ...body })
    await until('the receipt to go', shown, (seen) => seen?.read_at != null)
  })
}
