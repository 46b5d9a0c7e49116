import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startCustomerServer } from './support/customer-server.ts'
import { CONTACT } from './support/readback.ts'
import { KEYS, receiptsOf, receive, relay, SIGNING_SECRET } from './support/relay.ts'
import { ownLine, shareReadback } from './support/shared.ts'

const here = shareReadback()

describe('a line that lives at another server of this API, by what that tells', () => {
  test('takes its webhook once, with the right secret alone, and for its own number alone', async () => {
    const relayed = await relay(here, ownLine(), { ...KEYS, base_url: 'http://127.0.0.1:9' }, true)
    for (const secret of ['', 'wrong', `${SIGNING_SECRET} `.repeat(2)]) {
      assert.equal(await receive(relayed, {}, secret), 401)
    }
    assert.equal(await receive(relayed, { service: 'pigeon' }), 400)
    for (const change of [{ sendblue_number: '+19175550100' }, { is_outbound: true }, { from_number: '22395' }]) {
      assert.equal(await receive(relayed, change), 200)
    }
    assert.deepEqual(await receiptsOf(relayed), [])
    for (const _ of [1, 2]) assert.equal(await receive(relayed, { message_handle: 'same' }), 200)
    assert.equal(await receive(relayed, { message_handle: 'of a group', group_id: 'friends' }), 200)
    const receipts = await receiptsOf(relayed)
    assert.deepEqual([receipts.length, receipts[0].requests], [1, 1])
    // As its webhooks of before had it.
    for (const to_number of ['+19175550100', relayed.line]) {
      const change = { sendblue_number: null, to_number, from_number: '+14155550102' }
      assert.equal(await receive(relayed, change), 200)
    }
    assert.deepEqual(
      (await receiptsOf(relayed)).map(({ requests }: { requests: number }) => requests),
      [1, 1],
    )
  })

  test('hears that a contact of its own types, in the words of either of its pages', async () => {
    await using sink = await startCustomerServer()
    const relayed = await relay(here, ownLine(), { ...KEYS, base_url: 'http://127.0.0.1:9' })
    const { account, line } = relayed
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [sink.url], type: 'typing_indicator' })
    const unnamed = { number: undefined, sendblue_number: undefined }
    for (const change of [
      { is_typing: true, ...unnamed, from_number: '+14155550102', to_number: '+19175550100' },
      { is_typing: true, ...unnamed },
      { is_typing: false, from_number: line, to_number: undefined },
      // As its other webhooks have what they do not know.
      { is_typing: true, number: null, sendblue_number: '', from_number: '+14155550103' },
      { is_typing: true, number: '', sendblue_number: null, from_number: '+14155550104' },
      { is_typing: true, number: '+14155550105', from_number: null, to_number: null },
    ]) {
      assert.equal(await receive(relayed, change), 200)
    }
    const told = await Promise.all([0, 1, 2, 3, 4].map(async (index) => JSON.parse((await sink.at(index)).body)))
    assert.deepEqual(told.map(({ number, is_typing }) => [number, is_typing]).toSorted(), [
      ['+14155550103', true],
      ['+14155550104', true],
      ['+14155550105', true],
      [CONTACT, false],
      [CONTACT, true],
    ])
  })

  test('takes what it wrote there for a reply, however it spells the contact', async () => {
    const relayed = await relay(here, ownLine(), { ...KEYS, base_url: 'http://127.0.0.1:9' }, true)
    const { account, line } = relayed
    await account.must(200, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing: { mode: 'on_reply' } })
    await receive(relayed, { from_number: 'ada@example.com' })
    assert.equal((await receiptsOf(relayed))[0].reason, 'awaiting_reply')
    await receive(relayed, { is_outbound: true, from_number: line, to_number: 'Ada@Example.com' })
    assert.notEqual((await receiptsOf(relayed))[0].reason, 'awaiting_reply')
  })

  test('takes for no reply what it wrote there to a group, or before', async () => {
    const relayed = await relay(here, ownLine(), { ...KEYS, base_url: 'http://127.0.0.1:9' }, true)
    const { account, line } = relayed
    await account.must(200, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing: { mode: 'on_reply' } })
    const now = Date.now()
    await receive(relayed, { date_sent: new Date(now).toISOString() })
    const own = { is_outbound: true, from_number: line, to_number: CONTACT }
    await receive(relayed, { ...own, group_id: 'friends' })
    await receive(relayed, { ...own, date_sent: new Date(now - 60_000).toISOString() })
    assert.equal((await receiptsOf(relayed))[0].reason, 'awaiting_reply')
  })

  test('loses no file: the URL that its webhook names for it is kept without the NUL', async () => {
    const relayed = await relay(here, ownLine(), { ...KEYS, base_url: 'http://127.0.0.1:9' })
    const media_url = 'https://example.com/a\0b'
    assert.equal(await receive(relayed, { content: 'A file\0', media_url }), 200)
    const { data } = (await relayed.account.must(200, 'GET', '/api/v2/messages')).body
    assert.deepEqual([data[0].content, data[0].media_url], ['A file', 'https://example.com/ab'])
  })

  test('keeps what its webhook holds, however little that is, and nothing without an id or a time', async () => {
    const relayed = await relay(here, ownLine(), { ...KEYS, base_url: 'http://127.0.0.1:9' })
    for (const message_handle of ['', 'a\0b', 'x'.repeat(513)])
      assert.equal(await receive(relayed, { message_handle }), 400)
    for (const date_sent of ['yesterday', '2026-02-30T10:00:00Z'])
      assert.equal(await receive(relayed, { date_sent }), 400)
    const little = {
      sendblue_number: '',
      content: null,
      group_id: undefined,
      status: null,
      number: undefined,
      participants: null,
    }
    const date_sent = '2026-03-03T12:00:00+02:00'
    assert.equal(await receive(relayed, { ...little, media_url: null, service: 'SMS', date_sent }), 200)
    const { data } = (await relayed.account.must(200, 'GET', '/api/v2/messages')).body
    assert.deepEqual(
      data.map((kept: Record<string, unknown>) =>
        ['content', 'media_url', 'service', 'date_sent'].map((name) => kept[name]),
      ),
      [['', '', 'SMS', '2026-03-03T10:00:00.000Z']],
    )
  })

  test('keeps a group apart from the contact who writes there', async () => {
    const relayed = await relay(here, ownLine(), { ...KEYS, base_url: 'http://127.0.0.1:9' })
    await receive(relayed, { content: 'To you' })
    await receive(relayed, { content: 'To all', group_id: 'friends' })
    const { data } = (await relayed.account.must(200, 'GET', '/api/v2/messages?group_id=friends')).body
    const kept = data.map(({ content, from_number }: Record<string, unknown>) => [content, from_number])
    assert.deepEqual(kept, [['To all', CONTACT]])
  })
})
