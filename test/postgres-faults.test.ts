import assert from 'node:assert/strict'
import dns from 'node:dns'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { cuttingProxy, through } from './support/cutting-proxy.ts'
import { dataFolder } from './support/data-folder.ts'
import { mustKeep } from './support/must-keep.ts'
import { type Database, leases, nodeSettings, ownServer, requireOwnPostgres, runSql } from './support/postgres.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'
import { lookup, TWO_ADDRESSES } from './support/two-addresses.ts'
import { until } from './support/until.ts'

const BODY = { number: CONTACT, from_number: LINE }
/** So soon it serves again by itself, once the database does. */
const RECOVERY_MS = 2_000

describe('PostgreSQL', { skip: requireOwnPostgres() }, () => {
  const postgres = share(ownServer)

  const encodedAs = async (database: Database, encoding: string) => {
    const encoded = new URL(database.url)
    encoded.pathname += `_${encoding.toLowerCase()}`
    const name = encoded.pathname.slice(1)
    await runSql(database.url, `create database ${name} encoding '${encoding}' locale 'C' template template0`)
    return nodeSettings({ url: encoded.href })
  }

  test('that cannot hold what contacts write is no place for a store', async () => {
    await using database = await postgres.database()
    const settings = await encodedAs(database, 'LATIN1')
    await assert.rejects(startReadback(settings), /encoding LATIN1: make one with UTF8/)
  })

  test('that gives back whatever it is given is one', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(await encodedAs(database, 'SQL_ASCII'))
    const account = await customer(server)
    await account.write({ content: 'Grüße \u{1f44b}' })
    assert.equal((await account.phone())[0]?.content, 'Grüße \u{1f44b}')
  })

  test('that is away by a name of two addresses is no fault of ours', async (t) => {
    t.mock.method(dns, 'lookup', lookup)
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings({ url: database.url.replace('127.0.0.1', TWO_ADDRESSES) }))
    const account = await customer(server)
    await postgres.stop()
    const away = await account.call('POST', '/api/mark-read', BODY)
    await postgres.start()
    assert.deepEqual([away.status, away.headers.get('retry-after')], [503, '1'])
  })

  test('that is away makes answers 503 with retry-after, and it goes on by itself within 2 seconds', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    await account.write()
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
    await postgres.stop()
    const away = await account.call('POST', '/api/mark-read', BODY)
    assert.deepEqual([away.status, away.body.status, away.headers.get('retry-after')], [503, 'ERROR', '1'])
    assert.equal((await server.operator.call('GET', '/readyz')).status, 503)
    // Whoever is signed in is not told that they are not.
    assert.equal((await server.operator.call('GET', '/console/session')).status, 503)
    assert.equal((await server.operator.call('GET', '/healthz')).status, 200)
    await postgres.start()
    const startedAt = performance.now()
    await until(
      'it to serve again',
      () => markRead(account),
      (answer) => answer.status === 200,
    )
    const id = await account.markRead()
    assert.equal((await account.settled(id)).state, 'sent')
    const ms = performance.now() - startedAt
    assert.ok(ms < RECOVERY_MS, `it took ${ms} ms`)
  })

  for (const [how, signal] of [
    ['restarted', 'SIGINT'],
    ['crashes', 'SIGQUIT'],
  ] as const) {
    test(`that ${how} under load loses nothing that was accepted, and no inbound is stored twice`, async () => {
      await using database = await postgres.database()
      await using server = await startReadback({ ...nodeSettings(database), LOG_LEVEL: 'warn' })
      const account = await customer(server)
      await mustKeep(account, database, async () => {
        await postgres.stop(signal)
        await pause(200)
        await postgres.start()
      })
    })
  }

  test('whose connections are cut in the middle of transactions loses nothing that was accepted', async () => {
    await using database = await postgres.database()
    await using proxy = await cuttingProxy(postgres.port)
    const settings = nodeSettings({ url: through(database, proxy.port) })
    await using server = await startReadback({ ...settings, LOG_LEVEL: 'warn' })
    const account = await customer(server)
    await mustKeep(account, database, async () => {
      for (let cuts = 0; cuts < 20; cuts++) {
        await pause(37)
        proxy.cut()
      }
    })
  })

  test('that shuts down in the same breath as it answers ends no process, and loses nothing', async () => {
    await using database = await postgres.database()
    await using proxy = await cuttingProxy(postgres.port)
    const settings = nodeSettings({ url: through(database, proxy.port) })
    await using server = await startReadback({ ...settings, LOG_LEVEL: 'warn' })
    const account = await customer(server)
    await mustKeep(account, database, () => proxy.dismiss(100))
  })

  test('has the time: a node whose clock is 5 minutes ahead takes no line too early and expires nothing', async () => {
    await using database = await postgres.database()
    await using folder = await dataFolder()
    const env = { ...nodeSettings(database), READBACK_RECEIPT_TTL_S: '60' }
    await using right = await startReadback(env)
    const account = await customer(right)
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
    const ahead = join(import.meta.dirname, 'support/clock-ahead.mjs')
    await using wrong = await startProcess({ dataDir: folder.path, env: { ...env, NODE_OPTIONS: `--import ${ahead}` } })
    const there = enter(wrong.base, account.accountId, account.keys)
    const [lease] = await leases(database)
    await account.carrier({ offline: true })
    const waiting = await account.markRead()
    const id = await there.markRead('+14155550100')
    await until(
      'a try',
      () => account.receipt(waiting),
      ({ attempts }) => attempts > 0,
    )
    await account.carrier({ offline: false })
    const receipts = await Promise.all([account.settled(waiting), there.settled(id)])
    assert.deepEqual(
      receipts.map(({ state }) => state),
      ['sent', 'sent'],
    )
    for (const { settled_at } of receipts) assert.ok(Math.abs(Date.parse(settled_at ?? '') - Date.now()) < 60_000)
    assert.deepEqual((await leases(database))[0], lease)
  })
})

function markRead(account: Customer) {
  return account.call('POST', '/api/mark-read', BODY)
}
