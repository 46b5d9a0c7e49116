import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { CERTIFICATE, ENCRYPTED_USER } from './support/cluster.ts'
import { dataFolder } from './support/data-folder.ts'
import {
  type Database,
  nodeSettings,
  type OwnServer,
  ownServer,
  requireOwnPostgres,
  runSql,
} from './support/postgres.ts'
import { CONTACT, customer, enter, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

/** For the same names, by the same issuer's name, of another key. */
const STRANGER = join(import.meta.dirname, 'fixtures/tls/stranger.cert.pem')
const PASSWORD = 'not-to-be-shown'
const VERIFIED = { sslmode: 'verify-full', sslrootcert: CERTIFICATE }
const MOVE = join(import.meta.dirname, '../src/migrate-store.ts')

describe('a database that is reached by TLS', { skip: requireOwnPostgres() }, () => {
  let postgres: OwnServer
  before(async () => {
    postgres = await ownServer({ ssl: 'on' })
    await using database = await postgres.database()
    await runSql(database.url, `create role ${ENCRYPTED_USER} superuser login`)
  })
  after(() => postgres[Symbol.asyncDispose]())

  test('is reached by nothing else: migrations, the pool, and the connection that listens', async () => {
    await using database = await postgres.database()
    // Whatever went without TLS would be turned away.
    await assert.rejects(startReadback(nodeSettings(by(database, {}))), /pg_hba.conf rejects .* no encryption/)
    await using a = await startReadback(nodeSettings(by(database, VERIFIED)))
    await using b = await startReadback(nodeSettings(by(database, VERIFIED)))
    const onA = await customer(a)
    await onA.write()
    assert.equal((await onA.settled(await onA.markRead())).state, 'sent')
    const onB = enter(b.base, onA.accountId, onA.keys)
    assert.equal((await onB.settled(await onB.markRead())).state, 'sent')
    const connections = await connectionsTo(database)
    assert.ok(connections.length >= 4, 'a pool and one that listens at each node')
    assert.ok(connections.some(({ query }) => /^(listen|select 1$)/.test(query)))
    assert.deepEqual(new Set(connections.map(({ ssl }) => ssl)), new Set([true]))
  })

  test('is not trusted with another certificate than the root signed, and the refusal has no password in it', async () => {
    await using database = await postgres.database()
    for (const [given, said] of [
      [{ ...VERIFIED, sslrootcert: STRANGER }, /^The store cannot be written or read: .*certificate/],
      [{ ...VERIFIED, sslrootcert: '/not/there.pem' }, /ENOENT.*not\/there\.pem/],
      [{ sslmode: 'verify-full' }, /^The store cannot be written or read: self-signed certificate/],
      // Stricter than libpq, which encrypts here and looks at no certificate.
      [{ sslmode: 'require' }, /^The store cannot be written or read: self-signed certificate/],
      [{ sslmode: 'prefer' }, /^The store cannot be written or read: self-signed certificate/],
    ] as const) {
      await assert.rejects(startReadback(nodeSettings(by(database, given))), (error: Error) => {
        assert.match(error.message, said)
        assert.doesNotMatch(error.message, new RegExp(PASSWORD))
        return true
      })
    }
  })

  test('answers 503 while its certificate is one that is not trusted any more, and goes on once it is', async () => {
    await using folder = await dataFolder()
    await using database = await postgres.database()
    const sslrootcert = join(folder.path, 'root.pem')
    await copyFile(CERTIFICATE, sslrootcert)
    await using server = await startReadback(nodeSettings(by(database, { ...VERIFIED, sslrootcert })))
    const account = await customer(server)
    await copyFile(STRANGER, sslrootcert)
    const call = () => account.call('POST', '/api/mark-read', { number: CONTACT, from_number: LINE })
    const end = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'readback'`
    // One may have been on its way, whose certificate was looked at before.
    await until(
      'no connection to be left',
      async () => {
        await runSql(database.url, end)
        return (await call()).status
      },
      (status) => status === 503,
    )
    for (let calls = 0; calls < 3; calls++) {
      const answer = await call()
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1'])
    }
    await copyFile(CERTIFICATE, sslrootcert)
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
  })

  for (const [given, ssl] of [
    [{ sslmode: 'no-verify' }, true],
    [{ sslmode: 'require', uselibpqcompat: 'true' }, true],
    [{ sslmode: 'require', sslrootcert: CERTIFICATE }, true],
    [{ sslmode: 'disable' }, false],
    [{}, false],
  ] as const) {
    const asked = new URLSearchParams({ ...given, ...('sslrootcert' in given && { sslrootcert: '…' }) })
    test(`is ${ssl ? '' : 'not '}reached by TLS with ?${decodeURIComponent(asked.toString())}`, async () => {
      await using database = await postgres.database()
      await using _server = await startReadback(nodeSettings(by(database, given, ssl ? ENCRYPTED_USER : 'postgres')))
      const connections = await connectionsTo(database)
      assert.deepEqual(new Set(connections.map((one) => one.ssl)), new Set([ssl]))
    })
  }

  test('is moved into by TLS, too', async () => {
    await using folder = await dataFolder()
    await using database = await postgres.database()
    const { DATABASE_URL: _, ...onSqlite } = nodeSettings(database)
    await using server = await startReadback({ ...onSqlite, READBACK_DATA_DIR: folder.path })
    await customer(server)
    await server.stop()
    const from = `sqlite:${join(folder.path, 'readback.db')}`
    const refused = await move(from, by(database, { ...VERIFIED, sslrootcert: STRANGER }).url)
    assert.match(refused, /certificate/)
    assert.doesNotMatch(refused, new RegExp(PASSWORD))
    assert.match(await move(from, by(database, VERIFIED).url), /rows arrived/)
  })
})

function by({ url }: Pick<Database, 'url'>, options: Readonly<Record<string, string>>, user = ENCRYPTED_USER) {
  const changed = new URL(url)
  changed.username = user
  changed.password = PASSWORD
  changed.search = new URLSearchParams(options).toString()
  return { url: changed.href }
}

/** Those that a server has open at this moment. */
function connectionsTo({ url }: Database): Promise<{ ssl: boolean; query: string }[]> {
  return runSql(
    url,
    `select s.ssl, a.query from pg_stat_activity a join pg_stat_ssl s using (pid)
     where a.datname = current_database() and a.application_name = 'readback'`,
  )
}

async function move(from: string, to: string): Promise<string> {
  const child = spawn(process.execPath, [MOVE, from, to], { stdio: ['ignore', 'ignore', 'pipe'] })
  const [said] = await Promise.all([text(child.stderr), once(child, 'close')])
  return said
}
