import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fillingSqlite } from './support/filling.ts'
import { CONTACT, type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

describe('the simulator', () => {
  let server: Readback
  let account: Customer
  before(async () => {
    server = await startReadback()
    account = await customer(server)
  })
  after(() => server[Symbol.asyncDispose]())

  test('shows on the phone what the contact wrote, one part for each attachment, delivered and not read', async () => {
    const sent_at = '2026-03-01T10:00:00+01:00'
    const message = {
      number: '+14155550130',
      to_number: LINE,
      content: 'Two',
      media_urls: ['https://a.example/1', 'https://a.example/2'],
    }
    const { body } = await account.must(201, 'POST', '/simulator/messages', { ...message, sent_at, service: 'RCS' })
    assert.deepEqual(
      body.messages.map(({ part }: { part: number }) => part),
      [0, 1],
    )
    const screen = await account.must(200, 'GET', `/simulator/handset?${query('+14155550130')}`)
    const { messages, ...rest } = screen.body
    assert.deepEqual(rest, { status: 'OK', number: '+14155550130', from_number: LINE, typing: false })
    const shown = messages.map(({ delivered_at, ...piece }: { delivered_at: string }) => {
      assert.ok(!Number.isNaN(Date.parse(delivered_at)))
      return piece
    })
    const [first, second] = body.messages.map(({ message_handle }: { message_handle: string }) => message_handle)
    const common = { service: 'RCS', read_at: null, from_line: false, send_style: null }
    assert.deepEqual(shown, [
      { ...common, message_handle: first, part: 0, content: 'Two', media_url: 'https://a.example/1' },
      { ...common, message_handle: second, part: 1, content: null, media_url: 'https://a.example/2' },
    ])
  })

  test('takes the same message_id twice for the same message', async () => {
    const message = { number: '+14155550131', message_id: 'same' }
    assert.deepEqual(await account.write(message), await account.write({ ...message, content: 'Other words' }))
    assert.deepEqual(
      (await account.phone('+14155550131')).map(({ content }) => content),
      ['Hello'],
    )
  })

  test('shows a group’s message on the phone of the one who wrote it, and no one’s else', async () => {
    await account.write({ number: '+14155550132', group_id: 'friends' })
    await account.write({ number: '+14155550133', group_id: 'friends' })
    assert.equal((await account.phone('+14155550132')).length, 1)
    const receipt = await account.settled(await account.markRead('+14155550132'))
    assert.equal(receipt.state, 'sent')
    assert.equal((await account.phone('+14155550132'))[0]?.read_at, null, 'the group is another conversation')
  })

  test('turns its knobs, keeps those that are left out, and does what they say', async () => {
    const tune = async (knobs: object) =>
      (await account.must(200, 'PUT', '/simulator/carrier', { from_number: LINE, ...knobs })).body
    const untouched = { latency_ms: 0, pace_per_s: null, fail_next: 0, failure_rate: 0, offline: false }
    assert.deepEqual(await tune({}), { status: 'OK', from_number: LINE, ...untouched })
    assert.deepEqual(await tune({ latency_ms: 20, fail_next: 1 }), {
      status: 'OK',
      from_number: LINE,
      ...untouched,
      latency_ms: 20,
      fail_next: 1,
    })
    await account.write()
    const receipt = await account.settled(await account.markRead())
    assert.deepEqual([receipt.state, receipt.attempts], ['sent', 2], 'failed once, then came through')
    assert.deepEqual(await tune({ latency_ms: 0 }), { status: 'OK', from_number: LINE, ...untouched })
    assert.notEqual((await account.phone()).at(-1)?.read_at, null)
  })

  test('keeps what is offline until it is back', async () => {
    await account.carrier({ offline: true })
    const id = await account.markRead('+14155550134')
    await account.carrier({ offline: false })
    assert.equal((await account.settled(id)).state, 'sent')
  })

  const REFUSED: readonly [method: string, path: string, body: unknown, names: RegExp][] = [
    ['POST', '/simulator/messages', { to_number: LINE }, /number/],
    ['POST', '/simulator/messages', { number: 'Ada', to_number: LINE }, /number/],
    ['POST', '/simulator/messages', { number: CONTACT }, /to_number/],
    ['POST', '/simulator/messages', { number: CONTACT, to_number: LINE, service: 'WhatsApp' }, /service/],
    ['POST', '/simulator/messages', { number: CONTACT, to_number: LINE, service: 'imessage' }, /service/],
    ['POST', '/simulator/messages', { number: CONTACT, to_number: LINE, sent_at: 'yesterday' }, /sent_at/],
    ['POST', '/simulator/messages', { number: CONTACT, to_number: LINE, media_urls: 'x' }, /media_urls/],
    [
      'POST',
      '/simulator/messages',
      { number: CONTACT, to_number: LINE, media_urls: Array(51).fill('x') },
      /media_urls/,
    ],
    ['POST', '/simulator/messages', { number: CONTACT, to_number: LINE, content: 'x'.repeat(20_001) }, /content/],
    ['POST', '/simulator/messages', { number: CONTACT, to_number: LINE, content: 'a\0b' }, /content.*NUL/],
    ['POST', '/simulator/messages', { number: CONTACT, to_number: LINE, group_id: '\0' }, /group_id.*NUL/],
    ['POST', '/simulator/messages', { number: CONTACT, to_number: LINE, message_id: '\0' }, /message_id.*NUL/],
    ['POST', '/simulator/messages', { number: CONTACT, to_number: LINE, group_id: '' }, /group_id/],
    ['POST', '/simulator/messages', { number: CONTACT, to_number: LINE, colour: 'blue' }, /colour/],
    ['PUT', '/simulator/carrier', { from_number: LINE, latency_ms: -1 }, /latency_ms/],
    ['PUT', '/simulator/carrier', { from_number: LINE, pace_per_s: 0 }, /pace_per_s/],
    ['PUT', '/simulator/carrier', { from_number: LINE, pace_per_s: 1.5e-250 }, /pace_per_s/],
    ['PUT', '/simulator/carrier', { from_number: LINE, failure_rate: 1.1 }, /failure_rate/],
    ['PUT', '/simulator/carrier', { from_number: LINE, failure_rate: 1.5e-250 }, /failure_rate/],
    ['PUT', '/simulator/carrier', { from_number: LINE, fail_next: 1.5 }, /fail_next/],
    ['PUT', '/simulator/carrier', { from_number: LINE, offline: 'yes' }, /offline/],
    ['GET', '/simulator/handset', undefined, /number/],
    ['GET', `/simulator/handset?number=${encodeURIComponent(CONTACT)}`, undefined, /from_number/],
  ]
  for (const [method, path, body, names] of REFUSED) {
    const told = (JSON.stringify(body) ?? '').slice(0, 90)
    test(`refuses ${method} ${path} ${told}`, async () => {
      const answer = await account.must(400, method, path, body)
      assert.match(answer.body.message, names)
    })
  }

  test('refuses a message from before 1970 in plain words, and the phone never shows it', async () => {
    const number = '+14155550136'
    for (const sent_at of ['1969-12-31T23:59:59Z', '1970-01-01T00:00:00Z']) {
      const answer = await account.must(400, 'POST', '/simulator/messages', { number, to_number: LINE, sent_at })
      assert.equal(answer.body.message, '`sent_at` must be after 1970-01-01T00:00:00Z')
    }
    assert.deepEqual(await account.phone(number), [])
  })

  test('takes as long a text from a contact as a line may send', async () => {
    const [number, content] = ['+14155550138', '😀'.repeat(20_000)]
    await account.write({ number, content })
    assert.equal((await account.phone(number))[0]?.content, content)
  })

  test('tells of a clock that is ahead of all that can be written as a time the last that can', async () => {
    const sent_at = '9999-12-31T23:59:59-23:59'
    const [handle] = await account.write({ number: '+14155550137', sent_at })
    const { body } = await account.must(200, 'GET', `/api/v2/messages/${handle}`)
    assert.equal(body.data.date_sent, '9999-12-31T23:59:59.999Z')
  })

  test('is for the account’s own simulator lines alone', async () => {
    const stranger = await customer(server, { lines: [] })
    await stranger.must(404, 'POST', '/simulator/messages', { number: CONTACT, to_number: LINE })
    await stranger.must(404, 'GET', `/simulator/handset?${query(CONTACT)}`)
    await stranger.must(404, 'PUT', '/simulator/carrier', { from_number: LINE, offline: true })
    const settings = { url: 'http://127.0.0.1:9', password: 'x' }
    const real = { number: '+19175550135', connector: 'bluebubbles', settings }
    await server.operator.must(201, 'POST', `/operator/accounts/${stranger.accountId}/lines`, real)
    const answer = await stranger.must(400, 'POST', '/simulator/messages', { number: CONTACT, to_number: real.number })
    assert.match(answer.body.message, /real carrier/)
  })
})

test('what the contact has by SMS is never told as read, what they have by iMessage is', async () => {
  await using server = await startReadback()
  const account = await customer(server)
  const place = { number: CONTACT, from_number: LINE }
  const statusOf = async (handle: string) =>
    (await account.must(200, 'GET', `/api/status?handle=${handle}`)).body.status as string
  const handles: string[] = []
  for (const service of ['SMS', 'iMessage']) {
    await account.write({ service })
    const { body } = await account.must(200, 'POST', '/api/send-message', { ...place, content: service })
    handles.push(body.message_handle)
    await until(
      'it to be there',
      () => statusOf(body.message_handle),
      (status) => status === 'DELIVERED',
    )
  }
  await account.must(200, 'POST', '/simulator/handset/open', place)
  assert.deepEqual(await Promise.all(handles.map(statusOf)), ['DELIVERED', 'READ'])
  const own = (await account.phone()).filter(({ from_line }) => from_line)
  assert.deepEqual(
    own.map(({ content, read_at }) => [content, read_at !== null]),
    [
      ['SMS', false],
      ['iMessage', true],
    ],
  )
})

test('a contact reads all that a line wrote, however much that is, and others get their turn between', async () => {
  await using server = await startReadback()
  const account = await customer(server)
  const place = { number: CONTACT, from_number: LINE }
  const { body } = await account.must(200, 'POST', '/api/send-message', { ...place, content: 'Hello' })
  const statusOf = async () => (await account.must(200, 'GET', `/api/status?handle=${body.message_handle}`)).body.status
  await until('it to be there', statusOf, (status) => status === 'DELIVERED')
  await using filling = fillingSqlite({ path: server.dataDir })
  await filling.fill(
    33_000,
    `insert into messages (account_id, line_id, conversation_id, carrier_message_id, part, contact, service, reaction, sent_at,
       received_at, outbound, status)
     select account_id, line_id, conversation_id, n, 0, contact, service, 0, sent_at, received_at, 1, 'DELIVERED'
     from messages cross join series`,
  )
  const read = () => filling.count(`count(*) as count from messages where status = 'READ'`)
  const opened = account.must(200, 'POST', '/simulator/handset/open', place)
  assert.notEqual(await until('some to be read', read, (count) => count > 0), 33_001, 'all at once')
  await opened
  assert.equal(await read(), 33_001)
})

test('a call that takes longer than any carrier is waited for is given up, and nothing of it reaches the phone', async () => {
  await using server = await startReadback({ READBACK_CARRIER_TIMEOUT_S: '0.2' })
  const account = await customer(server)
  await account.carrier({ latency_ms: 5_000 })
  await account.write()
  const id = await account.markRead()
  const late = await until(
    'the receipt to be set back',
    () => account.receipt(id),
    ({ reason }) => reason !== null,
  )
  assert.deepEqual([late.state, late.reason], ['sending', 'timeout'])
  const place = { number: CONTACT, from_number: LINE }
  const typing = await account.must(200, 'POST', '/api/send-typing-indicator', place)
  assert.deepEqual([typing.body.status, /did not answer in time/.test(typing.body.error_message)], ['ERROR', true])
  const { body } = await account.must(200, 'POST', '/api/send-message', { ...place, content: 'Hello' })
  const message = await until(
    'the message to end',
    async () => (await account.must(200, 'GET', `/api/status?handle=${body.message_handle}`)).body,
    ({ status }) => status !== 'QUEUED',
  )
  assert.deepEqual([message.status, message.error_reason], ['ERROR', 'outcome_unknown'])
  const unread = (await account.phone()).map(({ from_line, read_at }) => [from_line, read_at])
  assert.deepEqual(unread, [[false, null]])
  await account.carrier({ latency_ms: 0 })
  assert.equal((await account.settled(id)).state, 'sent')
  assert.deepEqual(
    (await account.phone()).map(({ from_line, read_at }) => [from_line, read_at !== null]),
    [[false, true]],
  )
})

function query(number: string): URLSearchParams {
  return new URLSearchParams({ number, from_number: LINE })
}
