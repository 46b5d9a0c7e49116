import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { connectionOptions, openPool } from '../src/store/postgres/connection.ts'
import { Transactions } from '../src/store/postgres/transactions.ts'
import { nodeSettings, postgresServer, requirePostgres, runSql } from './support/postgres.ts'
import { customer, enter, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'

const SCHEMA = 'apart'
/** As Kysely makes it for another program. */
const THEIRS = `create table kysely_migration (name text primary key, timestamp text not null);
  create table kysely_migration_lock (id text primary key, is_locked integer not null default 0);
  insert into kysely_migration values ('0000-theirs', '2026-01-01T00:00:00.000Z');
  insert into kysely_migration_lock values ('migration_lock')`

describe('a database that other programs use, too', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)

  test('holds a store in a schema that the URL names, beside another that Kysely made', async () => {
    await using database = await postgres.database()
    await using other = await startReadback(nodeSettings(database))
    await runSql(database.url, `create schema ${SCHEMA}`)
    await using server = await startReadback(nodeSettings({ url: apart(database.url) }))
    await other.operator.must(200, 'GET', '/readyz')
    const account = await customer(server)
    await account.write()
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
    const rows = await runSql(database.url, `select count(*)::int as count from public.receipts`)
    assert.deepEqual(rows, [{ count: 0 }])
  })

  test('holds a store in a schema that is new, ahead of another in which a program has made its own tables by Kysely', async () => {
    await using database = await postgres.database()
    await runSql(database.url, `${THEIRS}; create schema ${SCHEMA}`)
    const url = apart(database.url, `${SCHEMA},public`)
    for (let start = 0; start < 2; start++) {
      await using server = await startReadback(nodeSettings({ url }))
      assert.deepEqual(
        server.logs.filter((line) => line.includes('newer version')),
        [],
      )
    }
    assert.deepEqual(await runSql(database.url, 'select name from public.kysely_migration'), [{ name: '0000-theirs' }])
  })

  test('holds no store in the schema in which a program has made its own tables by Kysely: one of the two could not start again', async () => {
    await using database = await postgres.database()
    await runSql(database.url, THEIRS)
    await assert.rejects(startReadback(nodeSettings(database)), /The schema public .* another program/)
    const tables = await runSql(database.url, `select tablename from pg_tables where schemaname = 'public' order by 1`)
    assert.deepEqual(tables, [{ tablename: 'kysely_migration' }, { tablename: 'kysely_migration_lock' }])
    assert.deepEqual(await runSql(database.url, 'select name from kysely_migration'), [{ name: '0000-theirs' }])
  })

  test('holds a store that is there already, also where a schema is made that comes before its own', async () => {
    await using database = await postgres.database()
    const url = apart(database.url, `${SCHEMA},public`)
    await using before = await startReadback(nodeSettings({ url }))
    const account = await customer(before)
    await before.stop()
    await runSql(database.url, `create schema ${SCHEMA}`)
    await using after = await startReadback(nodeSettings({ url }))
    assert.equal((await enter(after.base, account.accountId, account.keys).call('GET', '/account')).status, 200)
  })

  test('has its planner led by hand also where the URL asks for something of its own', async () => {
    await using database = await postgres.database()
    const settings = `select current_setting('enable_seqscan') as scans, current_setting('search_path') as path`
    for (const url of [apart(database.url), `${apart(database.url)}&sslmode=disable`]) {
      assert.deepEqual(await runSql(connectionOptions(url), settings), [{ scans: 'off', path: SCHEMA }])
    }
  })

  test('is written as we mean it, however it isolates others', async () => {
    await using database = await postgres.database()
    await using _server = await startReadback(nodeSettings(database))
    const name = new URL(database.url).pathname.slice(1)
    await runSql(database.url, `alter database ${name} set default_transaction_isolation = 'repeatable read'`)
    const pool = openPool(database.url, 1)
    const look = { text: `select current_setting('transaction_isolation') as level` }
    const rows = await new Transactions(pool).run('current', (one) => one.rows(look, []))
    await pool.end()
    assert.deepEqual(rows, [{ level: 'read committed' }])
  })
})

function apart(url: string, path = SCHEMA): string {
  return `${url}?options=${encodeURIComponent(`-c search_path=${path}`)}`
}
