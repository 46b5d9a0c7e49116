import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startBlueBubbles } from './support/bluebubbles.ts'
import { listen } from './support/event-reader.ts'
import { askedFor, connect, health } from './support/mac-line.ts'
import { contactOf, from } from './support/mac-messages.ts'
import { startReadback } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

/** Looks often, so that nobody waits for it. */
const OFTEN = { READBACK_CATCH_UP_INTERVAL_S: '0.1', LOG_LEVEL: 'info' }

/** For all tests here that need no other, each of them with a line of its own. */
const server = shareReadback(OFTEN)

/** The event stream tells of a line's health: to ask for it until it changes would cost more than all else. */
const STATUS = '?types=line.status.changed'

describe('the health of a Mac', () => {
  test('is told as it changes, once for each change', async () => {
    await using mac = await startBlueBubbles()
    await using server = await startReadback(OFTEN)
    const { account, line } = await connect(server, mac, { auto: true })
    await using told = await listen(server.base, account.keys, STATUS)
    const is = async (status: string, reason: string | null) => {
      const seen = await health(server, line)
      assert.deepEqual([seen.line_status, seen.reason], [status, reason])
    }
    await is('ONLINE', null)
    mac.mac.helperConnected = false
    await server.operator.must(200, 'POST', `/operator/lines/${encodeURIComponent(line)}/probe`)
    await told.at(0)
    await is('DEGRADED', 'helper_disconnected')
    mac.mac.privateApi = false
    await told.at(1)
    await is('DEGRADED', 'private_api_off')
    for (const route of ['info', 'query'] as const) mac.faults.set(route, 'reset')
    await told.at(2)
    await is('OFFLINE', 'unreachable')
    mac.faults.clear()
    Object.assign(mac.mac, { privateApi: true, helperConnected: true })
    await told.at(3)
    await is('ONLINE', null)
    const changes = server.logs.map((entry) => JSON.parse(entry)).filter(({ to }) => to !== undefined)
    assert.deepEqual(
      changes.map(({ to, reason }) => [to, reason]),
      [
        ['ONLINE', null],
        ['DEGRADED', 'helper_disconnected'],
        ['DEGRADED', 'private_api_off'],
        ['OFFLINE', 'unreachable'],
        ['ONLINE', null],
      ],
    )
  })

  test('tells of receipts that were seen to take, and leaves them sent either way', async () => {
    await using mac = await startBlueBubbles()
    const { account } = await connect(server, mac, { auto: true })
    const receipts = async () => (await account.must(200, 'GET', '/readback/v1/receipts')).body.data
    await askedFor(mac, mac.messages.write())
    const [verified] = await until('it to be verified', receipts, ([first]) => first?.verified_at != null)
    assert.equal(verified.state, 'sent')
  })

  test('is DEGRADED when none of the last 20 receipts was seen to take, and ONLINE when one was', async () => {
    await using mac = await startBlueBubbles()
    mac.mac.showsRead = false
    const { account, line } = await connect(server, mac, { auto: true })
    await using told = await listen(server.base, account.keys, STATUS)
    for (let n = 0; n < 20; n++) mac.messages.write(from(contactOf(n)))
    await told.at(0)
    const { line_status, reason } = await health(server, line)
    assert.deepEqual([line_status, reason], ['DEGRADED', 'unverified'])
    const { data } = (await account.must(200, 'GET', '/readback/v1/receipts')).body
    for (const receipt of data) assert.deepEqual([receipt.state, receipt.verified_at], ['sent', null])
    mac.mac.showsRead = true
    mac.messages.write(from(contactOf(30)))
    await told.at(1)
    assert.equal((await health(server, line)).line_status, 'ONLINE')
  })
})
