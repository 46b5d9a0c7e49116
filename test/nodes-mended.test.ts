import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startBlueBubbles } from './support/bluebubbles.ts'
import { connect } from './support/mac-line.ts'
import { CHAT } from './support/mac-writing.ts'
import { nodeSettings, postgresServer, requirePostgres } from './support/postgres.ts'
import { CONTACT, enter, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'

describe('a node that took a line from one that was told to wait', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)

  test('sends at once what waits where the line’s connection is mended', async () => {
    await using mac = await startBlueBubbles()
    await using database = await postgres.database()
    await using a = await startReadback(nodeSettings(database))
    const { account, line } = await connect(a, mac)
    mac.chats.add(CHAT)
    mac.faults.set('read', { status: 429, body: {}, headers: { 'retry-after': '3600' } })
    const id = await account.markRead(CONTACT, line)
    await until(
      'it to wait',
      () => account.receipt(id),
      ({ reason }) => reason === 'rate_limited',
    )
    await a.stop()
    const looks = () => mac.calls.filter((call) => call.endsWith('/message/query')).length
    const before = looks()
    await using b = await startReadback(nodeSettings(database))
    await until('the other to look after it', looks, (made) => made > before)
    mac.faults.clear()
    const settings = { url: mac.url.replace('127.0.0.1', 'localhost'), password: mac.password }
    await b.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(line)}`, { settings })
    assert.equal((await enter(b.base, account.accountId, account.keys).settled(id)).state, 'sent')
    assert.equal(mac.reads.length, 1)
  })
})
