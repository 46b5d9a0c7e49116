import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { REASONS } from '../src/core/reason.ts'
import { CONTACT, type Customer, customer, type Readback } from './support/readback.ts'
import { KEYS, receiptsOf, receive, relay, SIGNING_SECRET } from './support/relay.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

function settingsFor(there: Readback, { keys }: Customer): object {
  const [api_key_id, api_secret_key] = [keys['sb-api-key-id'], keys['sb-api-secret-key']]
  return { api_key_id, api_secret_key, signing_secret: SIGNING_SECRET, base_url: there.base }
}

describe('a line that lives at another server of this API', () => {
  const there = shareReadback()
  const here = shareReadback()

  test('writes there, types there, and hears what became of it', async () => {
    const line = ownLine()
    const owner = await customer(there, { lines: [line] })
    const { account, inboundUrl } = await relay(here, line, settingsFor(there, owner))
    const webhooks = [{ url: inboundUrl, secret: SIGNING_SECRET }]
    for (const type of ['outbound', 'typing_indicator']) {
      await owner.must(200, 'POST', '/api/account/webhooks', { webhooks, type })
    }
    const place = { number: CONTACT, from_number: line }
    for (const state of ['start', 'stop']) {
      const { status } = (await account.must(200, 'POST', '/api/send-typing-indicator', { ...place, state })).body
      const { typing } = (await owner.must(200, 'GET', `/simulator/handset?${new URLSearchParams(place)}`)).body
      assert.deepEqual([status, typing], ['SENT', state === 'start'])
    }
    const media_url = 'https://example.com/cat.png'
    const message = { ...place, content: 'From afar', media_url, send_style: 'loud' }
    const { body } = await account.must(200, 'POST', '/api/send-message', message)
    const becomes = (wanted: string) =>
      until(
        `it to be ${wanted}`,
        async () => (await account.must(200, 'GET', `/api/status?handle=${body.message_handle}`)).body,
        ({ status }) => status === wanted,
      )
    await becomes('DELIVERED')
    const phone = await owner.must(200, 'GET', `/simulator/handset?${new URLSearchParams(place)}`)
    const shown = phone.body.messages.map((each: Record<string, unknown>) =>
      ['content', 'from_line', 'media_url', 'send_style'].map((name) => each[name]),
    )
    assert.deepEqual(shown, [['From afar', true, media_url, 'loud']])
    await owner.must(200, 'POST', '/simulator/handset/open', place)
    const { date_read } = await becomes('READ')
    assert.equal(date_read, (await owner.phone())[0]?.read_at)
  })

  test('that would write through itself is told so at the first hop', async () => {
    const line = ownLine()
    const account = await customer(here, { lines: [] })
    const draft = { number: line, connector: 'sendblue', settings: settingsFor(here, account) }
    await here.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, draft)
    const given = { number: CONTACT, from_number: line, content: 'Round and round' }
    const { body } = await account.must(200, 'POST', '/api/send-message', given)
    const ended = await until(
      'it to end',
      async () => (await account.must(200, 'GET', `/api/status?handle=${body.message_handle}`)).body,
      ({ status }) => status !== 'QUEUED',
    )
    assert.deepEqual([ended.status, ended.error_reason], ['ERROR', 'relay_loop'])
    const place = { number: CONTACT, from_number: line }
    const shown = (await account.must(200, 'POST', '/api/send-typing-indicator', place)).body
    assert.deepEqual([shown.status, shown.error_message], ['ERROR', REASONS.relay_loop.meaning])
  })

  test('is marked as read there, and ONLINE while its number is the account’s', async () => {
    const line = ownLine()
    const owner = await customer(there, { lines: [line] })
    const { account } = await relay(here, line, settingsFor(there, owner))
    assert.deepEqual((await account.must(200, 'GET', '/api/lines')).body, { numbers: [line] })
    const state = (await account.must(200, 'GET', '/api/v2/lines/state')).body
    const { status_changed_at, worker_id, ...known } = state.data[0]
    assert.ok(Date.parse(state.snapshot_at) >= Date.parse(status_changed_at) && worker_id.startsWith('line_'))
    assert.deepEqual(known, {
      sendblue_number: line,
      status: 'ONLINE',
      reason: null,
      assignment: 'assigned',
      degraded_since: null,
      effective_until: null,
    })
    await owner.write()
    assert.equal((await account.settled(await account.markRead(CONTACT, line))).state, 'sent')
    await until(
      'the phone to show it',
      () => owner.phone(),
      ([message]) => message?.read_at !== null,
    )
    const path = `/operator/lines/${encodeURIComponent(line)}`
    await there.operator.must(200, 'DELETE', path)
    const { line_status, reason } = (await here.operator.must(200, 'POST', `${path}/probe`)).body
    assert.deepEqual([line_status, reason], ['OFFLINE', 'not_registered'])
  })

  test('gets auto mark-read here, though its plan there has none', async () => {
    const line = ownLine()
    const owner = await customer(there, { plan: 'enterprise', lines: [line] })
    const relayed = await relay(here, line, settingsFor(there, owner), true)
    await owner.write()
    assert.equal(await receive(relayed), 200)
    await until(
      'the phone to show it',
      () => owner.phone(),
      ([message]) => message?.read_at !== null,
    )
    const [receipt] = await until(
      'it to be settled',
      () => receiptsOf(relayed),
      ([first]) => first?.settled_at != null,
    )
    assert.deepEqual([receipt.state, receipt.trigger], ['sent', 'auto'])
  })

  test('is marked as read with a reply that the line wrote there, by whatever means', async () => {
    const line = ownLine()
    const owner = await customer(there, { lines: [line] })
    const relayed = await relay(here, line, settingsFor(there, owner), true)
    const { account } = relayed
    await account.must(200, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing: { mode: 'on_reply' } })
    await owner.write()
    const now = Date.now()
    await receive(relayed, { date_sent: new Date(now).toISOString() })
    const [{ receipt_id, reason }] = await receiptsOf(relayed)
    assert.equal(reason, 'awaiting_reply')
    const reply = { is_outbound: true, status: 'SENT', from_number: line, to_number: CONTACT }
    await receive(relayed, { ...reply, date_sent: new Date(now + 1_000).toISOString() })
    assert.equal((await account.settled(receipt_id)).state, 'sent')
  })

  test('that leads to itself is told so at the first hop', async () => {
    const line = ownLine()
    const relayed = await relay(here, line, { ...KEYS, base_url: here.base })
    const { keys } = relayed.account
    const settings = { ...KEYS, api_key_id: keys['sb-api-key-id'], api_secret_key: keys['sb-api-secret-key'] }
    const path = `/operator/lines/${encodeURIComponent(line)}`
    await here.operator.must(200, 'PATCH', path, { settings: { ...settings, base_url: here.base } })
    const receipt = await relayed.account.settled(await relayed.account.markRead(CONTACT, line))
    assert.deepEqual([receipt.state, receipt.reason, receipt.attempts], ['failed', 'relay_loop', 1])
    assert.equal((await receiptsOf(relayed)).length, 1)
  })
})
