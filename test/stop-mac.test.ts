import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type BlueBubbles, startBlueBubbles } from './support/bluebubbles.ts'
import { connect } from './support/mac-line.ts'
import { startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

// A stop waits for one call to a carrier, and not for all that it had in mind.
describe('a stop', () => {
  test('asks a Mac that hangs nothing more, however much it was about to ask', async () => {
    await using mac = await startBlueBubbles()
    const often = { READBACK_CATCH_UP_INTERVAL_S: '0.1', READBACK_CARRIER_TIMEOUT_S: '1' }
    await using server = await startReadback(often)
    await connect(server, mac)
    for (const route of ['query', 'info'] as const) mac.faults.set(route, 'hang')
    const { length } = await asked(mac, mac.calls.length)
    await server.stop()
    assert.deepEqual(mac.calls.slice(length), [])
  })

  test('tells a Mac that hangs nothing more, though it was just told of it', async () => {
    await using mac = await startBlueBubbles()
    await using server = await startReadback({ READBACK_CARRIER_TIMEOUT_S: '1' })
    for (const route of ['query', 'webhooks', 'info'] as const) mac.faults.set(route, 'hang')
    const connecting = connect(server, mac)
    const { length } = await asked(mac, 0)
    await Promise.all([connecting, server.stop()])
    assert.deepEqual(mac.calls.slice(length), [])
  })
})

/** What it was asked, as soon as that is more than so many calls. */
function asked(mac: BlueBubbles, before: number): Promise<readonly string[]> {
  return until(
    'it to be asked',
    () => [...mac.calls],
    (calls) => calls.length > before,
  )
}
