import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import Sendblue from 'sendblue'
import { listen } from './support/event-reader.ts'
import { CONTACT, type Customer, customer, type Readback, startReadback } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

/** An account with a line of its own. */
async function open(server: Readback): Promise<{ account: Customer; line: string }> {
  const line = ownLine()
  return { account: await customer(server, { lines: [line] }), line }
}

const complaints = ({ logs }: Readback) => logs.filter((line) => JSON.parse(line).level >= 40)

describe('the event stream', () => {
  const server = shareReadback()

  test('tells the official SDK’s user of what a contact writes, within a second', async () => {
    const { account, line } = await open(server)
    const [apiKey, apiSecret] = [account.keys['sb-api-key-id'], account.keys['sb-api-secret-key']]
    const stream = await new Sendblue({ baseURL: server.base, apiKey, apiSecret }).events.stream()
    const wroteAt = performance.now()
    const [handle] = await account.write({ to_number: line, content: 'Hello\n\ndata: there' })
    for await (const { id, occurred_at, ...event } of stream) {
      assert.ok(performance.now() - wroteAt < 1_000)
      assert.match(id, /^evt_/)
      assert.ok(Date.parse(occurred_at) <= Date.now())
      assert.deepEqual(event, {
        type: 'message.received',
        version: 1,
        data: {
          message_handle: handle,
          number: CONTACT,
          sendblue_number: line,
          is_outbound: false,
          status: 'RECEIVED',
          service: 'iMessage',
          content: 'Hello\n\ndata: there',
        },
      })
      break
    }
  })

  test('tells what became of receipts, in the words of the receipt', async () => {
    const { account, line } = await open(server)
    await using reader = await listen(server.base, account.keys, '?types=receipt.sent,receipt.skipped')
    await account.write({ to_number: line })
    const sent = await account.settled(await account.markRead(CONTACT, line))
    await account.write({ number: '+14155550199', to_number: line, service: 'SMS' })
    const skipped = await account.settled(await account.markRead('+14155550199', line))
    const told = [await reader.at(0), await reader.at(1)]
    assert.deepEqual(
      told.map(({ type, data }) => [type, data.receipt_id, data.state, data.reason]),
      [
        ['receipt.sent', sent.receipt_id, 'sent', null],
        ['receipt.skipped', skipped.receipt_id, 'skipped', 'sms'],
      ],
    )
    assert.deepEqual(told[0]?.data, { ...sent })
  })

  test('tells when a line’s health has changed, and no webhook does', async () => {
    const account = await customer(server, { lines: [] })
    await using reader = await listen(server.base, account.keys)
    const line = { number: ownLine(), connector: 'simulator' }
    await server.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, line)
    const { type, data } = await reader.at(0)
    const changed = { sendblue_number: line.number, status: 'ONLINE', reason: null }
    assert.deepEqual([type, data], ['line.status.changed', changed])
    await server.operator.must(200, 'POST', `/operator/lines/${encodeURIComponent(line.number)}/probe`)
    await account.write({ to_number: line.number })
    assert.equal((await reader.at(1)).type, 'message.received')
  })

  test('begins with now, and is told to no proxy’s buffer and no cache', async () => {
    const { account, line } = await open(server)
    await account.write({ to_number: line, content: 'before' })
    await using reader = await listen(server.base, account.keys)
    assert.equal(reader.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    assert.equal(reader.headers.get('cache-control'), 'no-cache, no-transform')
    assert.equal(reader.headers.get('x-accel-buffering'), 'no')
    assert.ok(reader.headers.get('x-request-id'))
    await account.write({ to_number: line, content: 'after' })
    assert.equal((await reader.at(0)).data.content, 'after')
  })

  test('is the account’s own: another’s events are never seen', async () => {
    const [one, other] = [await open(server), await open(server)]
    await using reader = await listen(server.base, one.account.keys)
    await using others = await listen(server.base, other.account.keys)
    for (const content of ['1', '2', '3']) {
      await other.account.write({ to_number: other.line, content })
      await one.account.write({ to_number: one.line, content: `mine ${content}` })
    }
    await Promise.all([reader.at(2), others.at(2)])
    assert.deepEqual(
      [reader, others].map(({ events }) => events.map(({ data }) => data.content)),
      [
        ['mine 1', 'mine 2', 'mine 3'],
        ['1', '2', '3'],
      ],
    )
  })

  test('tells only the types that were asked for, and refuses one that does not exist with those that do', async () => {
    const { account, line } = await open(server)
    await using reader = await listen(server.base, account.keys, '?types=receipt.sent,contact.created')
    await account.write({ to_number: line })
    await account.settled(await account.markRead(CONTACT, line))
    assert.equal((await reader.at(0)).type, 'receipt.sent')
    for (const types of ['message.lost', 'message.received,nothing', '', ',']) {
      const { status, body } = await account.call('GET', `/api/v2/events?types=${types}`)
      assert.equal(status, 400, types)
      assert.match(body.message, /`types`: the types are message\.received, .*receipt\.expired$/)
    }
    assert.equal((await account.call('GET', '/api/v2/events?type=message.received')).status, 400)
    const strange = await account.call('GET', '/api/v2/events?types=nothing', undefined, { 'sb-api-secret-key': 'x' })
    assert.equal(strange.status, 401)
  })

  test('brings a burst of 10,000 to each that listens, whole and in order', { timeout: 60_000 }, async () => {
    const { account, line } = await open(server)
    const readers = await Promise.all(Array.from({ length: 3 }, () => listen(server.base, account.keys)))
    const media_urls = Array.from({ length: 50 }, (_, n) => `https://example.com/${n}.png`)
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 20 }, () => account.write({ to_number: line, media_urls })))
    }
    for (const reader of readers) {
      await reader.at(9_999)
      const ids = reader.events.map(({ id }) => Number.parseInt(id.slice('evt_'.length), 36))
      assert.deepEqual(
        ids,
        ids.toSorted((a, b) => a - b),
      )
      assert.equal(new Set(ids).size, 10_000)
      await reader[Symbol.asyncDispose]()
    }
  })

  test('lets go whoever does not read, and nobody else is the worse for it', async () => {
    const logged = server.logs.length
    const { account, line } = await open(server)
    const { hostname, port } = new URL(server.base)
    const sleeper = connect(Number(port), hostname).on('error', () => {})
    const keys = Object.entries(account.keys).map(([name, value]) => `${name}: ${value}\r\n`)
    sleeper.write(`GET /api/v2/events HTTP/1.1\r\nhost: x\r\n${keys.join('')}\r\n`)
    await once(sleeper, 'readable')
    await using reader = await listen(server.base, account.keys)
    const letGo = () => server.logs.slice(logged).filter((text) => text.includes('left too much unread')).length
    const long = { to_number: line, content: 'x'.repeat(15_000) }
    let written = 0
    while (letGo() === 0) {
      assert.ok(written < 2_000, 'never let go')
      await Promise.all(Array.from({ length: 100 }, () => account.write(long)))
      written += 100
    }
    await reader.at(written - 1)
    await account.write({ to_number: line, content: 'and on it goes' })
    assert.equal((await reader.at(written)).data.content, 'and on it goes')
    assert.equal(letGo(), 1)
    sleeper.destroy()
  })

  test('gives a sign of life every 15 seconds, and ends for a key that was revoked', async (t) => {
    const { account, line } = await open(server)
    t.mock.timers.enable({ apis: ['setInterval'] })
    await using reader = await listen(server.base, account.keys)
    await until('the first words', reader.text, (text) => text !== '')
    t.mock.timers.tick(14_999)
    // Comes behind whatever is on its way.
    await account.write({ to_number: line })
    await reader.at(0)
    assert.doesNotMatch(reader.text(), /heartbeat/)
    t.mock.timers.tick(1)
    await until('a heartbeat', reader.text, (text) => text.endsWith(': heartbeat\n\n'))
    const path = `/operator/accounts/${account.accountId}/keys/${account.keys['sb-api-key-id']}`
    await server.operator.must(200, 'DELETE', path)
    t.mock.timers.tick(15_000)
    await reader.ended
    assert.equal(reader.text().match(/heartbeat/g)?.length, 1)
  })

  test('ends for an account that was disabled', async (t) => {
    const { account } = await open(server)
    t.mock.timers.enable({ apis: ['setInterval'] })
    await using reader = await listen(server.base, account.keys)
    await server.operator.must(200, 'PATCH', `/operator/accounts/${account.accountId}`, { disabled: true })
    t.mock.timers.tick(15_000)
    await reader.ended
  })

  test('ends after a quarter of an hour', async (t) => {
    await using server = await startReadback()
    const account = await customer(server)
    t.mock.timers.enable({ apis: ['setTimeout'] })
    await using reader = await listen(server.base, account.keys)
    t.mock.timers.tick(15 * 60_000)
    await reader.ended
    t.mock.timers.reset()
  })

  test('ends at once when the server stops, for all that listen', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    const readers = await Promise.all(Array.from({ length: 20 }, () => listen(server.base, account.keys)))
    const stoppedAt = performance.now()
    await server.stop()
    assert.ok(performance.now() - stoppedAt < 2_000)
    await Promise.all(readers.map(({ ended }) => ended))
  })

  test('ends at once, too, when it is asked for while the server finishes what is under way', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    await account.carrier({ latency_ms: 500 })
    await account.write()
    const id = await account.markRead()
    await until(
      'the carrier to be asked',
      () => account.receipt(id),
      ({ state }) => state === 'sending',
    )
    const stopped = server.stop()
    await using reader = await listen(server.base, account.keys)
    await reader.ended
    assert.equal(reader.status, 200)
    await stopped
    assert.deepEqual(complaints(server), [])
  })

  test('holds nothing for clients that only ask with HEAD, or are gone', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
    const before = timers()
    for (let round = 0; round < 10; round++) {
      const head = await fetch(`${server.base}/api/v2/events`, { method: 'HEAD', headers: account.keys })
      assert.deepEqual([head.status, await head.text()], [200, ''])
      await (await listen(server.base, account.keys))[Symbol.asyncDispose]()
    }
    await account.write()
    await until('the timers of 20 streams to be gone', timers, (count) => count < before + 10)
    assert.deepEqual(complaints(server), [])
  })
})
