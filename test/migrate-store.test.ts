import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { dataFolder } from './support/data-folder.ts'
import { NEWER, newerVersion } from './support/newer-version.ts'
import { type Database, nodeSettings, postgresServer, requirePostgres, runSql } from './support/postgres.ts'
import { startProcess } from './support/process.ts'
import { type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'

const PROGRAM = join(import.meta.dirname, '../src/migrate-store.ts')

describe('npm run migrate-store', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)

  test('moves a store as it is, goes on where it was interrupted, and lets no server start in between', async () => {
    await using folder = await dataFolder()
    await using database = await postgres.database()
    const settings = nodeSettings(database)
    const { DATABASE_URL: _, ...onSqlite } = settings
    await using before = await startReadback({ ...onSqlite, READBACK_DATA_DIR: folder.path })
    const account = await customer(before)
    await account.write({ content: 'Grüße 👋' })
    const sent = await account.settled(await account.markRead())
    await before.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(LINE)}`, { paused: true })
    const numbers = Array.from({ length: 1_500 }, (_, index) => `+1415${5_550_000 + index}`)
    const ids = await markAll(account, numbers)
    // Joins that are only in SQLite's log.
    await markAll(account, numbers)
    assert.match(await migrate(folder.path, database), /Another process serves the store/)
    await before.stop()
    // As if it had been interrupted there.
    assert.match(await migrate(folder.path, database), /rows arrived/)
    await runSql(
      database.url,
      `insert into facts values ('move', 'under way'); delete from receipts where id > 700; delete from seen_inbound`,
    )
    await assert.rejects(startReadback(settings), /move into this store is not finished/)
    assert.match(await migrate(folder.path, database), /rows arrived/)
    assert.match(await migrate(folder.path, database), /is in use/)
    // As if its first store had been served once more before it went on.
    const interrupt = `insert into facts values ('move', 'under way')`
    await runSql(database.url, `${interrupt}; update accounts set plan = 'paid_api'`)
    assert.match(await migrate(folder.path, database), /accounts did not arrive as it is/)
    await runSql(database.url, `update accounts set plan = 'free_api'`)
    assert.match(await migrate(folder.path, database), /rows arrived/)

    await using server = await startReadback(settings)
    const again = enter(server.base, account.accountId, account.keys)
    assert.deepEqual(await again.receipt(sent.receipt_id), sent)
    assert.equal((await again.receipt(ids[1_499] as string)).requests, 2)
    await server.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(LINE)}`, { paused: false })
    assert.equal((await again.settled(ids[0] as string)).state, 'sent')
    const [handle] = await again.write({ number: '+14155550199' })
    assert.notEqual(handle, (await again.phone())[0]?.message_handle)
  })

  test('moves nothing out of a store that a newer version migrated, nor into one', async () => {
    await using newer = await newerVersion()
    await using folder = await dataFolder()
    await using newerFolder = await dataFolder()
    await using database = await postgres.database()
    await using newerDatabase = await postgres.database()
    await using server = await startReadback({ READBACK_DATA_DIR: folder.path })
    await server.stop()
    for (const env of [{}, nodeSettings(newerDatabase)]) {
      await using young = await startProcess({ dataDir: newerFolder.path, env, main: newer.main })
      await young.end('SIGTERM')
    }
    const refusal = (which: string) => new RegExp(`needs the newest version: .* at the ${which} URL \\(${NEWER}\\)`)
    assert.match(await migrate(newerFolder.path, database), refusal('first'))
    // As if somebody had emptied it for the move.
    await runSql(newerDatabase.url, 'delete from facts')
    assert.match(await migrate(folder.path, newerDatabase), refusal('second'))
    assert.deepEqual(await runSql(newerDatabase.url, 'select name from facts'), [])
    // Neither left anything behind.
    assert.match(await migrate(folder.path, database), /rows arrived/)
  })

  test('takes the time that it takes, also where the database gives others less', async () => {
    await using folder = await dataFolder()
    await using database = await postgres.database()
    await using server = await startReadback({ READBACK_DATA_DIR: folder.path })
    await server.stop()
    const name = new URL(database.url).pathname.slice(1)
    await runSql(database.url, `alter database ${name} set statement_timeout = '1ms'`)
    assert.match(await migrate(folder.path, database), /rows arrived/)
  })

  test('says how it is called, and makes no store where there is none', async () => {
    assert.match(await run(['postgres://x', 'sqlite:y']), /^migrate-store: usage: /)
    const unescaped = await run(['sqlite:y', 'postgres://user:pass/word@127.0.0.1/readback'])
    assert.match(unescaped, /^migrate-store: The second URL is none: .* percent-encoded\n$/)
    await using folder = await dataFolder()
    await using database = await postgres.database()
    assert.match(await migrate(folder.path, database), /There is no store at/)
    assert.deepEqual(await readdir(folder.path), [])
    assert.match(await run(['sqlite:y', database.url, 'and more']), /^migrate-store: usage: /)
  })

  test('leaves another program’s database as it is, and a store that it can move nowhere', async () => {
    await using folder = await dataFolder()
    await using database = await postgres.database()
    await using server = await startReadback({ READBACK_DATA_DIR: folder.path })
    await server.stop()
    const theirs = join(folder.path, 'theirs.db')
    // With a table of migrations as another program of Kysely's has it.
    for (const tables of ['create table bills (id)', 'create table kysely_migration (name, timestamp)']) {
      change(theirs, tables)
      const before = await readFile(theirs)
      assert.match(await run([`sqlite:${theirs}`, database.url]), /There is no store at/)
      assert.deepEqual(await readFile(theirs), before)
    }
    assert.deepEqual(
      (await readdir(folder.path)).filter((name) => name.startsWith('theirs')),
      ['theirs.db'],
    )
    const ours = join(folder.path, 'readback.db')
    // As a version left it that knew less.
    change(ours, 'delete from kysely_migration where name = (select max(name) from kysely_migration)')
    const known = migrations(ours)
    const away = 'postgres://user@127.0.0.1:9/readback'
    assert.match(await run([`sqlite:${ours}`, away]), /The second URL: .*ECONNREFUSED/)
    assert.deepEqual(migrations(ours), known)
  })

  test('says which of the two stores it cannot use, and shows no password', async () => {
    await using folder = await dataFolder()
    await using database = await postgres.database()
    const none = new URL(database.url)
    none.pathname = 'none'
    const path = join(folder.path, 'readback.db')
    await mkdir(path)
    assert.equal(
      await migrate(folder.path, database),
      `migrate-store: The store ${path}: unable to open database file\n`,
    )
    await rmdir(path)
    await writeFile(path, 'a text, and no store of anybody’s')
    assert.equal(await migrate(folder.path, database), `migrate-store: The store ${path}: file is not a database\n`)
    await rm(path)
    await using server = await startReadback({ READBACK_DATA_DIR: folder.path })
    await server.stop()
    const place = 'migrate-store: The second URL: '
    assert.equal(await run([`sqlite:${path}`, none.href]), `${place}database "none" does not exist\n`)
    const away = await run([`sqlite:${path}`, 'postgres://user:not-to-be-shown@127.0.0.1:9/readback'])
    assert.equal(away, `${place}The store cannot be written or read: connect ECONNREFUSED 127.0.0.1:9\n`)
  })
})

function change(path: string, statement: string): void {
  using database = new DatabaseSync(path)
  database.exec(statement)
}

function migrations(path: string): unknown {
  using database = new DatabaseSync(path, { readOnly: true })
  return database.prepare('select name from kysely_migration').all()
}

/** A hundred at a time: each has a connection of its own, and a listener has room for 511 that it has not taken yet. */
async function markAll(account: Customer, numbers: readonly string[]): Promise<string[]> {
  const ids: string[] = []
  for (let done = 0; done < numbers.length; done += 100) {
    ids.push(...(await Promise.all(numbers.slice(done, done + 100).map((number) => account.markRead(number)))))
  }
  return ids
}

function migrate(folder: string, { url }: Database): Promise<string> {
  return run([`sqlite:${join(folder, 'readback.db')}`, url])
}

async function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const [said] = await Promise.all([text(child.stderr), once(child, 'close')])
  return said
}
