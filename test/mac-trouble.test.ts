import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import macos15 from './fixtures/bluebubbles/macos15-webhooks.json' with { type: 'json' }
import { startBlueBubbles } from './support/bluebubbles.ts'
import { ANSWERS } from './support/bluebubbles-answers.ts'
import { type Fault, serveUntrusted } from './support/carrier.ts'
import { connect, fresh, health } from './support/mac-line.ts'
import { CONTACT, type Customer, startReadback } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

/** For all tests here, each of them with a line of its own. */
const server = shareReadback()

const PASSING: readonly [string, Fault, string][] = [
  ['whose helper is off', ANSWERS['helper-disconnected'], 'helper_disconnected'],
  ['whose helper is off, in other letters', ANSWERS['other-helper-disconnected'], 'helper_disconnected'],
  ['whose Private API is off', ANSWERS['private-api-off'], 'private_api_off'],
  ['that times out', ANSWERS['timed-out'], 'timeout'],
  ['that answers 429', { status: 429, body: { status: 429, message: 'Slow down' } }, 'rate_limited'],
  [
    'that answers 429 and when to come back, by a clock that is an hour off',
    {
      status: 429,
      body: { status: 429, message: 'Slow down' },
      headers: { date: new Date(Date.now() - 3_600_000).toUTCString(), 'retry-after': '1' },
    },
    'rate_limited',
  ],
  ['that answers 500', { status: 500, body: { status: 500, message: 'secret of the Mac' } }, 'carrier_error'],
  ['that has no such route', ANSWERS['unknown-route'], 'carrier_error'],
  ['that answers HTML', { status: 200, body: '<html></html>' }, 'carrier_error'],
  ['behind a proxy that answers 401 in HTML', { status: 401, body: '<html></html>' }, 'carrier_error'],
  ['behind a proxy that answers 403 in HTML', { status: 403, body: '<html></html>' }, 'carrier_error'],
  ['that redirects', { status: 302, body: '', headers: { location: 'http://127.0.0.1:1/' } }, 'carrier_error'],
  ['that hangs', 'hang', 'timeout'],
  ['that resets the connection', 'reset', 'unreachable'],
  ['that breaks off midway', 'cut-short', 'carrier_error'],
  ['that never stops sending', 'oversize', 'carrier_error'],
]

/** The receipt once something stands in its way. */
function obstacle(account: Customer, id: string): ReturnType<Customer['receipt']> {
  return until(
    'an obstacle',
    () => account.receipt(id),
    (seen) => seen.reason !== null,
  )
}

// At once: what takes their time is the second until a carrier that failed is tried again.
describe('a Mac in trouble', { concurrency: true }, () => {
  for (const [how, fault, reason] of PASSING) {
    test(`${how} leaves the receipt waiting with ${reason}, and takes it when it is well again`, async () => {
      await using mac = await startBlueBubbles()
      // For the one that is known by it alone: on a busy machine others might take as long.
      await using hasty = fault === 'hang' ? await startReadback({ READBACK_CARRIER_TIMEOUT_S: '0.5' }) : undefined
      const asked = hasty ?? server
      const { account, line } = await connect(asked, mac)
      mac.chats.add(`any;-;${CONTACT}`)
      mac.faults.set('read', fault)
      const id = await account.markRead(CONTACT, line)
      const waiting = await obstacle(account, id)
      assert.deepEqual([waiting.state, waiting.reason], ['sending', reason])
      const read = mac.nextRead()
      mac.faults.clear()
      await read
      assert.equal((await account.settled(id)).state, 'sent')
      assert.equal(mac.reads.length, 1)
      const said = [...asked.logs, JSON.stringify(waiting)].join('\n')
      for (const secret of [mac.password, encodeURIComponent(mac.password)]) assert.ok(!said.includes(secret))
    })
  }

  test('that hangs when a conversation is looked up, and marks it all the same, has its receipts sent long before it is given up', async () => {
    await using mac = await startBlueBubbles()
    await using patient = await startReadback({ READBACK_CARRIER_TIMEOUT_S: '60' })
    const { account, line } = await connect(patient, mac)
    const event = macos15['direct-imessage']
    assert.deepEqual(await mac.deliver(fresh(event)), [200])
    mac.faults.set('chat', 'hang')
    const receipt = await account.settled(await account.markRead(event.data.handle.address, line))
    assert.deepEqual([receipt.state, receipt.attempts], ['sent', 1])
    assert.deepEqual(
      mac.reads.map(({ id }) => id),
      [event.data.chats[0]?.guid],
    )
  })

  test('that hangs when a conversation is looked up shows that the line types all the same', async () => {
    await using mac = await startBlueBubbles()
    const { account, line } = await connect(server, mac)
    const event = macos15['direct-imessage']
    assert.deepEqual(await mac.deliver(fresh(event)), [200])
    mac.faults.set('chat', 'hang')
    const number = event.data.handle.address
    await account.must(200, 'POST', '/api/send-typing-indicator', { number, from_number: line })
    assert.deepEqual([...mac.typing], [event.data.chats[0]?.guid])
  })

  test('that was upgraded, and cannot say at once what a conversation is called now, leaves the receipt waiting until it can', async () => {
    await using mac = await startBlueBubbles()
    const { account, line } = await connect(server, mac)
    const event = macos15['direct-imessage']
    assert.deepEqual(await mac.deliver(fresh(event)), [200])
    const now = `any;-;${event.data.handle.address}`
    mac.chats.add(now)
    mac.faults.set(`chat ${now}`, ANSWERS['timed-out'])
    const id = await account.markRead(event.data.handle.address, line)
    const waiting = await obstacle(account, id)
    assert.deepEqual([waiting.state, waiting.reason], ['sending', 'timeout'])
    mac.faults.clear()
    assert.equal((await account.settled(id)).state, 'sent')
    assert.ok(mac.reads.some((read) => read.known && read.id === now))
  })

  for (const [status, reason] of [
    [400, 'rejected'],
    [403, 'wrong_password'],
  ] as const) {
    test(`that answers ${status} fails the receipt at once, and its password is told nobody`, async () => {
      await using mac = await startBlueBubbles()
      const { account, line } = await connect(server, mac)
      mac.chats.add(`any;-;${CONTACT}`)
      mac.faults.set('read', { status, body: { status, message: `not with ${mac.password}` } })
      const receipt = await account.settled(await account.markRead(CONTACT, line))
      assert.deepEqual([receipt.state, receipt.reason, receipt.attempts], ['failed', reason, 1])
      const said = [...server.logs, JSON.stringify(receipt)].join('\n')
      for (const secret of [mac.password, encodeURIComponent(mac.password)]) assert.ok(!said.includes(secret))
    })
  }

  test('with another password fails the receipt at once', async () => {
    await using mac = await startBlueBubbles()
    const { account, line } = await connect(server, { ...mac, password: 'old' })
    const { line_status, reason } = await health(server, line)
    assert.deepEqual([line_status, reason], ['OFFLINE', 'wrong_password'])
    const receipt = await account.settled(await account.markRead(CONTACT, line))
    assert.deepEqual([receipt.state, receipt.reason], ['failed', 'wrong_password'])
  })

  test('behind a certificate that nobody vouches for is sent nothing, its password least of all', async () => {
    await using impostor = await serveUntrusted()
    const { account, line } = await connect(server, { url: impostor.url, password: 'secret of the Mac' })
    const { line_status, reason } = await health(server, line)
    assert.deepEqual([line_status, reason], ['OFFLINE', 'unreachable'])
    const receipt = await obstacle(account, await account.markRead(CONTACT, line))
    assert.deepEqual([receipt.state, receipt.reason, impostor.requests()], ['sending', 'unreachable', 0])
  })

  test('that is away gets its line OFFLINE, and is enrolled as soon as it answers', async () => {
    await using mac = await startBlueBubbles()
    mac.faults.set('webhooks', 'reset')
    const { line } = await connect(server, mac)
    const { line_status, reason } = await health(server, line)
    assert.deepEqual([line_status, reason], ['OFFLINE', 'unreachable'])
    const call = mac.nextCall()
    mac.faults.clear()
    await call
    await until(
      'the line to be ONLINE',
      () => health(server, line),
      (seen) => seen.line_status === 'ONLINE',
    )
    assert.equal(mac.webhooks.length, 1)
  })

  test('that is in other trouble than before is OFFLINE, or DEGRADED, since it was first', async () => {
    await using mac = await startBlueBubbles()
    const { account, line } = await connect(server, mac)
    const probed = async (fault: Fault) => {
      mac.faults.set('info', fault)
      await server.operator.must(200, 'POST', `/operator/lines/${encodeURIComponent(line)}/probe`)
      return (await account.must(200, 'GET', '/api/v2/lines/state')).body.data[0]
    }
    const info = (data: object) => ({ status: 200, body: { status: 200, data } })
    const away = await probed('reset')
    const failing = await probed({ status: 500, body: {} })
    assert.deepEqual([away.reason, failing.reason], ['unreachable', 'carrier_error'])
    assert.equal(failing.status_changed_at, away.status_changed_at)
    const off = await probed(info({ private_api: false, helper_connected: false }))
    const unhelped = await probed(info({ private_api: true, helper_connected: false }))
    assert.deepEqual([off.reason, unhelped.reason], ['private_api_off', 'helper_disconnected'])
    assert.equal(unhelped.degraded_since, off.degraded_since)
    assert.ok(off.degraded_since > failing.status_changed_at)
  })

  test('is told where to call by a server that is reached elsewhere now, and calls the old place no more', async () => {
    await using mac = await startBlueBubbles()
    await using first = await startReadback()
    await connect(first, mac)
    await first.stop()
    await using second = await startReadback({ READBACK_DATA_DIR: first.dataDir })
    await until(
      'the Mac to call the new place alone',
      () => mac.webhooks.map(({ url }) => new URL(url).origin),
      (origins) => origins.length === 1 && origins[0] === second.base,
    )
  })

  test('that has the webhooks of a file alone is ONLINE, and what contacts write is fetched or comes from there', async () => {
    await using mac = await startBlueBubbles()
    await using prompt = await startReadback({ READBACK_CATCH_UP_INTERVAL_S: '0.1' })
    mac.mac.fixedWebhooks = true
    const { line } = await connect(prompt, mac, { auto: true })
    assert.deepEqual(await seen(), ['ONLINE', null])
    const fetched = mac.nextRead()
    mac.messages.write()
    await fetched
    const url = `/operator/lines/${encodeURIComponent(line)}/inbound-url`
    const { inbound_url } = (await prompt.operator.must(200, 'GET', url)).body
    mac.webhooks.push({ id: 0, url: inbound_url, events: ['*'] })
    assert.deepEqual(await mac.deliver(fresh(macos15['direct-imessage'])), [200])
    const settings = { url: mac.url, password: mac.password }
    await prompt.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(line)}`, { settings })
    assert.deepEqual(await seen(), ['ONLINE', null])
    assert.ok(!prompt.logs.some((entry) => entry.includes('could not be told where to call')))

    async function seen() {
      const { line_status, reason } = await health(prompt, line)
      return [line_status, reason]
    }
  })

  test('that asks for patience is enrolled no sooner than it asked', async () => {
    await using mac = await startBlueBubbles()
    mac.faults.set('webhooks', { status: 429, body: {}, headers: { 'retry-after': '3' } })
    await connect(server, mac)
    const refusedBy = performance.now()
    const call = mac.nextCall()
    mac.faults.clear()
    await call
    assert.ok(performance.now() - refusedBy > 2_500, 'it was asked again at once')
  })
})
