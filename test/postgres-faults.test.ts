import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { readConfig } from '../src/config.ts'
import { nodeSettings, type OwnServer, ownServer, requirePostgres } from './support/postgres.ts'
import { CONTACT, customer, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

const BODY = { number: CONTACT, from_number: LINE }
/** So soon it serves again by itself, once the database does. */
const RECOVERY_MS = 2_000

describe('PostgreSQL', { skip: requirePostgres() }, () => {
  let postgres: OwnServer
  before(async () => {
    postgres = await ownServer()
  })
  after(() => postgres[Symbol.asyncDispose]())

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
    assert.equal((await server.operator.call('GET', '/healthz')).status, 200)
    await postgres.start()
    const startedAt = performance.now()
    await until(
      'it to serve again',
      async () => (await account.call('POST', '/api/mark-read', BODY)).status,
      (status) => status === 200,
    )
    const id = await account.markRead()
    assert.equal((await account.settled(id)).state, 'sent')
    const ms = performance.now() - startedAt
    assert.ok(ms < RECOVERY_MS, `it took ${ms} ms`)
  })
})

describe('a start on PostgreSQL', () => {
  const url = 'postgres://readback@127.0.0.1:1/readback'

  test('is refused without the secrets that every node has to have alike', () => {
    const READBACK_OPERATOR_TOKEN = 'a token of the operator'
    assert.throws(() => readConfig({ DATABASE_URL: url, READBACK_OPERATOR_TOKEN }), /READBACK_SECRET_KEY must be set/)
    const READBACK_SECRET_KEY = '0'.repeat(64)
    assert.throws(() => readConfig({ DATABASE_URL: url, READBACK_SECRET_KEY }), /READBACK_OPERATOR_TOKEN must be set/)
  })

  test('says that the database cannot be reached, and not its password', { skip: requirePostgres() }, async () => {
    const secret = 'not-to-be-shown'
    const start = startReadback(nodeSettings({ url: url.replace('@', `:${secret}@`) }))
    await assert.rejects(start, (error: Error) => /ECONNREFUSED/.test(error.message) && !error.message.includes(secret))
  })
})
