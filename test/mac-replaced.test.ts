import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startBlueBubbles } from './support/bluebubbles.ts'
import { connect } from './support/mac-line.ts'
import { contactOf, from } from './support/mac-messages.ts'
import { shareReadback } from './support/shared.ts'
import { storedOnce } from './support/stored.ts'
import { until } from './support/until.ts'

/** Looks often, so that nobody waits for it. For all tests here, each of them with a line of its own. */
const server = shareReadback({ READBACK_CATCH_UP_INTERVAL_S: '0.1', LOG_LEVEL: 'info' })

describe('catching up with a Mac that is another one by now, or elsewhere', () => {
  test('begins again, with a warning, at a Mac that was rebuilt', async () => {
    await using mac = await startBlueBubbles()
    for (let n = 0; n < 5; n++) mac.messages.write()
    const { line } = await connect(server, mac, { auto: true })
    mac.messages.rebuild()
    mac.messages.write({ dateCreated: Date.now() - 9_000 })
    const warned = (entry: string) => entry.includes('fewer messages than were fetched')
    await until(
      'the warning',
      () => server.logs,
      (logs) => logs.some(warned),
    )
    const { guid } = mac.messages.write()
    assert.equal((await storedOnce(server, line, 1))[0]?.carrier_message_id, guid)
    assert.equal(server.logs.filter(warned).length, 1)
  })

  for (const many of [5, 450]) {
    test(`brings no history of a Mac that came in the place of another, though it has ${many} messages more`, async () => {
      await using mac = await startBlueBubbles()
      for (let n = 0; n < 2; n++) mac.messages.write()
      const { line } = await connect(server, mac)
      mac.faults.set('query', 'reset')
      mac.messages.rebuild()
      const before = Date.now() - 86_400_000
      for (let n = 0; n < many + 2; n++) mac.messages.write({ ...from(contactOf(n)), dateCreated: before - n })
      const warnings = () => server.logs.filter((entry) => entry.includes('other messages than were fetched')).length
      const warned = warnings()
      mac.faults.clear()
      await until('the warning', warnings, (count) => count === warned + 1)
      const { guid } = mac.messages.write()
      const messages = await storedOnce(server, line, 1)
      assert.deepEqual(
        messages.map(({ carrier_message_id }) => carrier_message_id),
        [guid],
      )
    })
  }

  test('goes on where it was at a Mac that has another address, and begins at the newest of another Mac', async () => {
    await using mac = await startBlueBubbles()
    await using other = await startBlueBubbles({ password: mac.password })
    mac.messages.write()
    const { line } = await connect(server, mac)
    const moveTo = (url: string) =>
      server.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(line)}`, {
        settings: { url, password: mac.password },
      })
    mac.faults.set('query', 'reset')
    mac.messages.write(from(contactOf(1)))
    await moveTo(mac.url.replace('127.0.0.1', 'localhost'))
    mac.faults.delete('query')
    await storedOnce(server, line, 1)
    for (let n = 0; n < 5; n++) other.messages.write()
    await moveTo(other.url)
    for (let looks = 0; looks < 4; ) if ((await other.nextCall()).endsWith('/message/query')) looks += 1
    const { guid } = other.messages.write(from(contactOf(2)))
    assert.equal((await storedOnce(server, line, 2))[1]?.carrier_message_id, guid)
  })
})
