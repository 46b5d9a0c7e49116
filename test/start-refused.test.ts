import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'

const KYSELYS = 'create table kysely_migration (name varchar(255) primary key, timestamp varchar(255) not null)'

describe('a start', () => {
  const WRONG: Readonly<Record<string, readonly [string, string]>> = {
    PORT: ['70001', 'must be a port number'],
    LOG_LEVEL: ['loudest', 'must be one of trace, debug, info'],
    READBACK_SECRET_KEY: ['abcdef', 'must be 64 hex digits'],
    READBACK_OPERATOR_TOKEN: ['guessable', 'must have 16 characters or more'],
    READBACK_PUBLIC_URL: ['ftp://here', 'must be an http or https URL'],
    READBACK_RECEIPT_TTL_S: ['soon', 'must be a number of seconds'],
    READBACK_AUTO_MARK_READ_MAX_AGE_S: ['-17', 'must be 0 or more'],
    READBACK_DEMO: ['perhaps', 'must be 0 or 1'],
    DATABASE_URL: ['mysql://x', 'must begin with sqlite: or postgres://'],
  }

  test('is refused with settings that are wrong, and says of each what it must be, and of none what it is', async () => {
    await using folder = await dataFolder()
    const env = Object.fromEntries(Object.entries(WRONG).map(([name, [value]]) => [name, value]))
    await assert.rejects(startProcess({ dataDir: folder.path, env }), ({ message }: Error) => {
      for (const [name, [value, rule]] of Object.entries(WRONG)) {
        assert.ok(message.includes(`${name} ${rule}`), `${name}: ${message}`)
        assert.ok(!message.includes(value), message)
      }
      assert.doesNotMatch(message, /^ +at /m, 'no stack')
      return true
    })
  })

  test('tells of what looks like a setting and is none, by its name alone', async () => {
    await using folder = await dataFolder()
    const env = { READBACK_RECEIPT_TTL: 'a slip of somebody', READBACK_POOL_SIZE: '20' }
    await using server = await startProcess({ dataDir: folder.path, env })
    assert.match(server.output(), /"level":40,.*"names":\["READBACK_RECEIPT_TTL"\],"msg":"there are no such settings"/)
    assert.doesNotMatch(server.output(), /a slip of somebody/)
  })

  test('is refused with an operator token that no header brings, and with a public URL that no path can follow', async () => {
    await using folder = await dataFolder()
    for (const [name, value, rule] of [
      ['READBACK_OPERATOR_TOKEN', 'das Losungswort für alle', 'must be ASCII, with no blank at either end'],
      ['READBACK_OPERATOR_TOKEN', 'a token with a newline\n', 'must be ASCII, with no blank at either end'],
      ['READBACK_PUBLIC_URL', 'https://readback.example.com/?by=mail', 'must have no ? or #'],
      ['READBACK_PUBLIC_URL', 'https://readback.example.com/#top', 'must have no ? or #'],
    ] as const) {
      await assert.rejects(startProcess({ dataDir: folder.path, env: { [name]: value } }), ({ message }: Error) => {
        assert.ok(message.includes(`${name} ${rule}`), message)
        return true
      })
    }
  })

  test('is refused with a URL of a database that is none, and tells nobody the password in it', async () => {
    await using folder = await dataFolder()
    for (const host of ['pass/word@127.0.0.1', 'pass#word@127.0.0.1']) {
      const env = { DATABASE_URL: `postgres://user:${host}/readback` }
      await assert.rejects(startProcess({ dataDir: folder.path, env }), ({ message }: Error) => {
        assert.match(message, /DATABASE_URL must be a URL: .* percent-encoded/)
        assert.doesNotMatch(message, /pass.?word@/)
        return true
      })
    }
  })

  test('lets other machines in with an operator token of one’s own alone, and says what to do', async () => {
    await using folder = await dataFolder()
    const env = { HOST: '0.0.0.0', READBACK_OPERATOR_TOKEN: '' }
    await assert.rejects(startProcess({ dataDir: folder.path, env }), ({ message }: Error) => {
      assert.match(message, /HOST 0\.0\.0\.0 lets other machines in: set READBACK_OPERATOR_TOKEN/)
      assert.doesNotMatch(message, /^ +at /m, 'no stack')
      return true
    })
  })

  test('is refused to a second process on the same store, and the first goes on', async () => {
    await using folder = await dataFolder()
    await using first = await startProcess({ dataDir: folder.path })
    await assert.rejects(startProcess({ dataDir: folder.path }), /Another process serves the store/)
    const link = join(folder.path, 'link.db')
    await symlink(join(folder.path, 'readback.db'), link)
    const env = { DATABASE_URL: `sqlite:${link}` }
    await assert.rejects(startProcess({ dataDir: folder.path, env }), /Another process serves the store/)
    await first.operator.must(200, 'GET', '/operator/accounts')
    await first.end('SIGKILL')
    await using _next = await startProcess({ dataDir: folder.path })
  })

  test('is refused with another secret key than the one that the store was made with', async () => {
    await using folder = await dataFolder()
    await using first = await startProcess({ dataDir: folder.path, env: { READBACK_SECRET_KEY: 'a'.repeat(64) } })
    await first.end('SIGTERM')
    const other = { READBACK_SECRET_KEY: 'b'.repeat(64) }
    await assert.rejects(startProcess({ dataDir: folder.path, env: other }), /READBACK_SECRET_KEY is not the one/)
    await using _again = await startProcess({ dataDir: folder.path, env: { READBACK_SECRET_KEY: 'A'.repeat(64) } })
  })

  test('is refused on a port that is taken, and on a file that is no store or cannot be, and says which it is', async () => {
    await using folder = await dataFolder()
    await using other = await dataFolder()
    await using first = await startProcess({ dataDir: folder.path })
    const env = { PORT: new URL(first.base).port }
    await assert.rejects(startProcess({ dataDir: other.path, env }), /HOST and PORT: .*EADDRINUSE/)
    await mkdir(join(other.path, 'x'))
    await writeFile(join(other.path, 'x', 'readback.db'), 'not a database, but a letter to a friend'.repeat(100))
    const cannotBeOpened = /The store \S+\/x\/readback\.db cannot be opened: file is not a database/
    await assert.rejects(startProcess({ dataDir: join(other.path, 'x') }), cannotBeOpened)
    const nowhere = { DATABASE_URL: `sqlite:${join(other.path, 'y', 'readback.db')}` }
    const cannotBeMade = /The store \S+\/y\/readback\.db cannot be opened: unable to open/
    await assert.rejects(startProcess({ dataDir: other.path, env: nowhere }), cannotBeMade)
  })

  test('is refused on another program’s database, which stays as it is, and not on one of nobody’s', async () => {
    await using folder = await dataFolder()
    const theirs = join(folder.path, 'theirs.db')
    const env = { DATABASE_URL: `sqlite:${theirs}` }
    // With a table of migrations as another program of Kysely's has it.
    for (const tables of ['create table bills (id)', `${KYSELYS}; insert into kysely_migration values ('bills', 0)`]) {
      change(theirs, tables)
      const before = await readFile(theirs)
      const refusal = /readback: The store \S+theirs\.db cannot be opened: it is another program's database\n/
      await assert.rejects(startProcess({ dataDir: folder.path, env }), refusal)
      assert.deepEqual(await readFile(theirs), before)
    }
    // As a first start leaves it that was cut off.
    change(join(folder.path, 'readback.db'), KYSELYS)
    await using _server = await startProcess({ dataDir: folder.path })
  })

  test('is refused where no folder can be made for its data, and says where, and which setting says so', {
    skip: !existsSync('/proc/self'),
  }, async () => {
    const dataDir = '/proc/readback/data'
    await assert.rejects(
      startProcess({ dataDir }),
      /readback: READBACK_DATA_DIR: ENOENT: .*, mkdir '\/proc\/readback'\n/,
    )
  })
})

function change(path: string, statements: string): void {
  using database = new DatabaseSync(path)
  database.exec(statements)
}
