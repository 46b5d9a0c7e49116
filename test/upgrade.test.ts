import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Client } from 'pg'
import { startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { NEWER, newerVersion } from './support/newer-version.ts'
import { nodeSettings, type PostgresServer, postgresServer, requirePostgres, runSql } from './support/postgres.ts'
import { startProcess } from './support/process.ts'
import { type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

const CALLERS = 8

describe('a newer version on the same PostgreSQL', { skip: requirePostgres() }, () => {
  let postgres: PostgresServer
  let newer: Awaited<ReturnType<typeof newerVersion>>
  before(async () => {
    postgres = await postgresServer()
    newer = await newerVersion()
  })
  after(async () => {
    await postgres[Symbol.asyncDispose]()
    await newer[Symbol.asyncDispose]()
  })

  test('migrates under the load of an old node, which refuses nothing, loses nothing, and goes on', {
    timeout: 60_000,
  }, async () => {
    await using database = await postgres.database()
    await using folder = await dataFolder()
    await using endpoint = await startCustomerServer()
    const env = nodeSettings(database)
    await using old = await startReadback({ ...env, LOG_LEVEL: 'warn' })
    const account = await customer(old, { auto: true })
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [endpoint.url], type: 'receive' })
    await using load = callWithoutEnd(account)
    await load.goesOn(50)
    await using young = await startProcess({ dataDir: folder.path, env, main: newer.main })
    await load.goesOn(50)
    const { receipts, handles } = await load.end()
    for (const id of receipts) assert.equal((await account.settled(id)).state, 'sent')
    const told = () => endpoint.received.map(({ body }) => String(JSON.parse(body).message_handle))
    await until('all to be told', told, (seen) => new Set(handles).difference(new Set(seen)).size === 0)
    const [counted] = await runSql<{ messages: number; deadlocks: number }>(
      database.url,
      `select (select count(*)::int from messages) as messages, deadlocks::int from pg_stat_database
       where datname = current_database()`,
    )
    assert.deepEqual(counted, { messages: handles.length, deadlocks: 0 })

    const onYoung = enter(young.base, account.accountId, account.keys)
    assert.equal((await onYoung.settled(await account.markRead())).state, 'sent')
    assert.equal((await account.settled(await onYoung.markRead())).state, 'sent')
    assert.deepEqual(old.logs, [])
  })

  test('waits for its tables without making anybody wait behind it', async () => {
    await using database = await postgres.database()
    await using folder = await dataFolder()
    await using old = await startReadback(nodeSettings(database))
    const account = await customer(old)
    await account.write()
    // A backup, say: it only reads, and keeps its locks for hours.
    const backup = new Client(database.url)
    await backup.connect()
    await backup.query('begin; lock table receipts in access share mode')
    const starting = startProcess({ dataDir: folder.path, env: nodeSettings(database), main: newer.main })
    try {
      await until(
        'it to wait for the table',
        () =>
          runSql(database.url, `select 1 from pg_stat_activity where query ~ '^alter' and wait_event_type = 'Lock'`),
        ({ length }) => length === 1,
      )
      for (let call = 0; call < 20; call++)
        assert.equal((await account.settled(await account.markRead())).state, 'sent')
    } finally {
      await backup.end()
    }
    await using young = await starting
    await young.operator.must(200, 'GET', '/readyz')
    assert.match(young.output(), /tables are in use/)
  })

  test('leaves a store on which the old one starts again, saying so', async () => {
    await using database = await postgres.database()
    await using folder = await dataFolder()
    const env = nodeSettings(database)
    await using young = await startProcess({ dataDir: folder.path, env, main: newer.main })
    const account = await customer(young)
    await using old = await startReadback({ ...env, LOG_LEVEL: 'warn' })
    assert.match(old.logs.join(''), new RegExp(NEWER))
    await using _second = await startReadback({ ...env, LOG_LEVEL: 'warn' })
    const onOld = enter(old.base, account.accountId, account.keys)
    await onOld.write()
    assert.equal((await account.settled(await onOld.markRead())).state, 'sent')
  })
})

describe('a newer version on the same SQLite file', () => {
  test('that does not get to the end of its migration leaves nothing of it behind', async () => {
    await using folder = await dataFolder()
    await using broken = await newerVersion(`throw new Error('as if it had been ended here')`)
    await using newer = await newerVersion()
    const first = await startReadback({ READBACK_DATA_DIR: folder.path })
    await first.stop()
    await assert.rejects(startProcess({ dataDir: folder.path, main: broken.main }), /as if it had been ended here/)
    await using second = await startProcess({ dataDir: folder.path, main: newer.main })
    await second.operator.must(200, 'GET', '/readyz')
  })

  test('leaves a store on which the old one starts again, saying so', async () => {
    await using folder = await dataFolder()
    await using newer = await newerVersion()
    const young = await startProcess({ dataDir: folder.path, main: newer.main })
    const account = await customer(young)
    await account.write()
    await young.end('SIGTERM')
    await using old = await startReadback({ READBACK_DATA_DIR: folder.path, LOG_LEVEL: 'warn' })
    assert.match(old.logs.join(''), new RegExp(NEWER))
    const onOld = enter(old.base, account.accountId, account.keys)
    await onOld.write()
    assert.equal((await onOld.settled(await onOld.markRead())).state, 'sent')
    assert.equal((await onOld.phone()).length, 2)
  })
})

/** Callers that mark read and contacts that write, one call after the other, each of which has to be taken. */
function callWithoutEnd(account: Customer) {
  const receipts = new Set<string>()
  const handles: string[] = []
  let over = false
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let call = 0; !over; call++) {
      const number = `+1415${5_550_100 + ((caller * 31 + call) % 100)}`
      receipts.add(await account.markRead(number))
      handles.push(...(await account.write({ number, to_number: LINE, message_id: `${caller} ${call}` })))
    }
  })
  const done = Promise.all(callers)
  const end = async () => {
    over = true
    await done
    return { receipts, handles }
  }
  return {
    /** Answers when so many more have been taken; throws what one was refused with. */
    async goesOn(more: number) {
      const enough = handles.length + more
      await Promise.race([
        done,
        until(
          `${enough} messages`,
          () => handles.length,
          (taken) => taken >= enough,
        ),
      ])
    },
    end,
    [Symbol.asyncDispose]: async () => void (await end()),
  }
}
