import assert from 'node:assert/strict'
import dns from 'node:dns'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, test } from 'node:test'
import { readConfig } from '../src/config.ts'
import { nodeSettings, ownServer, requireOwnPostgres } from './support/postgres.ts'
import { startReadback } from './support/readback.ts'
import { lookup, TWO_ADDRESSES } from './support/two-addresses.ts'

describe('a start on PostgreSQL', () => {
  const url = 'postgres://readback@127.0.0.1:1/readback'

  test('is refused without the secrets that every node has to have alike', () => {
    const READBACK_OPERATOR_TOKEN = 'a token of the operator'
    assert.throws(() => readConfig({ DATABASE_URL: url, READBACK_OPERATOR_TOKEN }), /READBACK_SECRET_KEY must be set/)
    const READBACK_SECRET_KEY = '0'.repeat(64)
    assert.throws(() => readConfig({ DATABASE_URL: url, READBACK_SECRET_KEY }), /READBACK_OPERATOR_TOKEN must be set/)
  })

  test('says that the database cannot be reached, and not its password', { skip: requireOwnPostgres() }, async () => {
    const secret = 'not-to-be-shown'
    const start = startReadback(nodeSettings({ url: url.replace('@', `:${secret}@`) }))
    await assert.rejects(start, (error: Error) => /ECONNREFUSED/.test(error.message) && !error.message.includes(secret))
  })

  test('names the setting whatever keeps it from the database', { skip: requireOwnPostgres() }, async (t) => {
    await using server = await ownServer()
    t.mock.method(dns, 'lookup', lookup)
    const reasons = {
      [url]: 'The store cannot be written or read: connect ECONNREFUSED 127.0.0.1:1',
      [`postgres://readback@${TWO_ADDRESSES}:1/readback`]:
        'The store cannot be written or read: connect ECONNREFUSED 127.0.0.1:1',
      [`postgres://postgres@127.0.0.1:${server.port}/none`]: 'database "none" does not exist',
    }
    for (const [wrong, reason] of Object.entries(reasons)) {
      await assert.rejects(startReadback(nodeSettings({ url: wrong })), {
        message: `${reason}: is DATABASE_URL right?`,
      })
    }
  })

  test('does not wait for ever where nobody answers', { skip: requireOwnPostgres() }, async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const start = startReadback(nodeSettings({ url: `postgres://readback@127.0.0.1:${port}/readback` }))
    await assert.rejects(start, /timeout: is DATABASE_URL right\?$/)
    silent.close()
  })
})
