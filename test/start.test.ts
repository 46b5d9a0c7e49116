import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readConfig } from '../src/config.ts'
import { client } from './support/client.ts'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, customer, enter, LINE, OPERATOR_TOKEN, startReadback } from './support/readback.ts'
import { requireCurl } from './support/requires.ts'
import { until } from './support/until.ts'

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

  test('is refused where no folder can be made for its data, and says where', {
    skip: !existsSync('/proc/self'),
  }, async () => {
    const dataDir = '/proc/readback/data'
    await assert.rejects(startProcess({ dataDir }), /readback: ENOENT: .*, mkdir '\/proc\/readback'\n/)
  })

  test('makes its own secrets, readable by their owner alone, and finds them again', async () => {
    await using folder = await dataFolder()
    const dataDir = join(folder.path, 'new')
    await using first = await startProcess({ dataDir, env: { READBACK_OPERATOR_TOKEN: '' } })
    const token = (await readFile(join(dataDir, 'operator-token'), 'utf8')).trim()
    assert.match(token, /^[0-9a-f]{64}$/)
    const operator = client(first.base, { authorization: `Bearer ${token}` })
    await operator.must(201, 'POST', '/operator/accounts', { email: 'ada@example.com' })
    for (const name of ['operator-token', 'secret-key']) {
      assert.equal((await stat(join(dataDir, name))).mode & 0o777, 0o600, name)
    }
    assert.equal((await stat(dataDir)).mode & 0o777, 0o700)
    await first.end('SIGTERM')
    await using second = await startProcess({ dataDir, env: { READBACK_OPERATOR_TOKEN: '' } })
    const again = client(second.base, { authorization: `Bearer ${token}` })
    assert.equal((await again.must(200, 'GET', '/operator/accounts')).body.data.length, 1)
  })

  test('that a full disk ended leaves no operator token that is empty, and the next one says which file to delete', async () => {
    await using folder = await dataFolder()
    const env = { READBACK_OPERATOR_TOKEN: '' }
    const start = (before: string) => startProcess({ dataDir: folder.path, env, before })
    await assert.rejects(start(`trap '' XFSZ; ulimit -f 0`), /EFBIG/)
    const token = join(folder.path, 'operator-token')
    await assert.rejects(start(':'), ({ message }: Error) => message.includes(`There is no secret in ${token}`))
    await rm(token)
    await using server = await start(':')
    assert.equal((await client(server.base, {}).call('GET', '/operator/accounts')).status, 401)
  })

  test('makes a store that its owner alone may read, in a folder that is open to all, and leaves one that is there as it is', async () => {
    await using folder = await dataFolder()
    await chmod(folder.path, 0o755)
    const store = join(folder.path, 'messages.db')
    const settings = {
      dataDir: join(folder.path, 'own'),
      env: { DATABASE_URL: `sqlite:${store}` },
      before: 'umask 022',
    }
    const modes = async () => {
      const names = (await readdir(folder.path)).filter((name) => name.startsWith('messages.db')).sort()
      const each = names.map(async (name) => [name, (await stat(join(folder.path, name))).mode & 0o777])
      return Object.fromEntries(await Promise.all(each))
    }
    await using first = await startProcess(settings)
    const names = ['messages.db', 'messages.db-shm', 'messages.db-wal', 'messages.db.lock', 'messages.db.lock-journal']
    assert.deepEqual(await modes(), Object.fromEntries(names.map((name) => [name, 0o600])))
    await first.end('SIGTERM')
    await chmod(store, 0o640)
    await using _second = await startProcess(settings)
    assert.equal((await modes())['messages.db'], 0o640)
  })

  test('keeps a carrier’s password sealed on the disk', async () => {
    await using folder = await dataFolder()
    await using server = await startProcess({ dataDir: folder.path })
    const account = await customer(server, { lines: [] })
    const settings = { url: 'http://127.0.0.1:9', password: 'a password to be found' }
    const line = { number: LINE, connector: 'bluebubbles', settings }
    await server.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, line)
    await server.end('SIGTERM')
    const store = await readFile(join(folder.path, 'readback.db'))
    assert.ok(store.includes('bluebubbles'))
    assert.ok(!store.includes(settings.password) && !server.output().includes(settings.password))
  })

  test('takes intervals of a year, which are longer than any timer', async () => {
    await using folder = await dataFolder()
    const year = '31536000'
    const env = { READBACK_CATCH_UP_INTERVAL_S: year, READBACK_CARRIER_TIMEOUT_S: year }
    await using server = await startProcess({ dataDir: folder.path, env })
    assert.equal(await server.end('SIGTERM'), 0)
    // With which Node tells of a timer that rings a thousand times a second.
    assert.doesNotMatch(server.output(), /TimeoutOverflowWarning/)
  })

  test('is healthy and ready, and no longer ready while it drains', async () => {
    await using folder = await dataFolder()
    await using server = await startProcess({ dataDir: folder.path })
    const anybody = client(server.base)
    for (const path of ['/healthz', '/readyz']) {
      assert.deepEqual((await anybody.must(200, 'GET', path)).body, { status: 'OK' })
    }
    const account = await customer(server)
    await account.carrier({ latency_ms: 1_000 })
    const id = await account.markRead()
    const sending = () => account.receipt(id)
    await until('the call to be under way', sending, ({ state }) => state === 'sending')
    const stopped = once(server.child, 'close')
    server.child.kill('SIGTERM')
    const { body, headers } = await until(
      '503',
      () => anybody.call('GET', '/readyz'),
      ({ status }) => status === 503,
    )
    assert.deepEqual(body, { status: 'ERROR', message: 'This process is about to end' })
    assert.equal(headers.get('retry-after'), '1')
    assert.deepEqual(await stopped, [0, null])
    assert.match(server.output(), /"stopped"/)
    assert.doesNotMatch(server.output(), /the store is not available|Warning/)
  })

  test('ends when the last call is answered, though its client keeps the connection open', async () => {
    await using folder = await dataFolder()
    await using server = await startProcess({ dataDir: folder.path })
    const account = await customer(server)
    await account.write()
    await account.carrier({ latency_ms: 1_000 })
    const typing = account.call('POST', '/api/send-typing-indicator', { number: CONTACT, from_number: LINE })
    await account.must(200, 'GET', '/account')
    const stopped = once(server.child, 'close')
    server.child.kill('SIGTERM')
    await until(
      'it to listen no more',
      () => listens(server.base),
      (yes) => !yes,
    )
    assert.equal((await typing).status, 200)
    assert.deepEqual(await stopped, [0, null])
  })

  test('ends at once with a client that connected ahead and has sent nothing', async () => {
    await using server = await startReadback()
    const { hostname, port } = new URL(server.base)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    await client(server.base).must(200, 'GET', '/healthz')
    const startedAt = performance.now()
    await server.stop()
    assert.ok(performance.now() - startedAt < 5_000, 'it waited for it')
    socket.destroy()
  })

  test('ends all the same with a client that sent half a call', async () => {
    await using folder = await dataFolder()
    await using server = await startProcess({ dataDir: folder.path, env: { READBACK_CARRIER_TIMEOUT_S: '0.1' } })
    const socket = await halfACall(server.base)
    const closed = once(socket, 'close')
    await client(server.base).must(200, 'GET', '/healthz')
    assert.equal(await server.end('SIGTERM'), 0)
    await closed
  })
})

/** One that sends half a call. */
async function halfACall(base: string): Promise<Socket> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  socket.write(
    'POST /api/mark-read HTTP/1.1\r\nhost: readback\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
  )
  await once(socket, 'connect')
  return socket
}

async function listens(base: string): Promise<boolean> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

describe('the demo', () => {
  const DEMO = { READBACK_DEMO: '1' }

  /** The commands that the start prints, in their order. */
  function commandsIn(output: string): string[] {
    const text = output.slice(output.indexOf('  A contact,'))
    return [...text.matchAll(/^ {4}(\. .*(?:\n {6}.*)*)/gm)].map(([, command]) => command ?? '')
  }

  function paste(command: string | undefined, dataDir: string): unknown {
    return JSON.parse(execFileSync('/bin/sh', ['-c', command ?? ''], { cwd: dataDir, encoding: 'utf8' }))
  }

  /** What the contact's phone shows once all of it is read, by the command that the start prints. */
  function seenRead(command: string | undefined, dataDir: string) {
    const phone = () =>
      (paste(command, dataDir) as { messages: { content: string; read_at: string | null }[] }).messages
    return until('the phone to show it', phone, (messages) => messages.every(({ read_at }) => read_at !== null))
  }

  test('prints commands that work as pasted: marked as read, the phone shows it', { skip: requireCurl() }, async () => {
    await using folder = await dataFolder()
    const dataDir = join(folder.path, "Ada's phones")
    await using server = await startProcess({ dataDir, env: DEMO })
    const output = await until('the greeting', server.output, (text) => text.includes('The keys are kept in'))
    const [mark, look, ...others] = commandsIn(output)
    assert.deepEqual(others, [])
    assert.deepEqual(paste(mark, dataDir), { status: 'OK', message: 'Mark read request sent', number: CONTACT })
    assert.equal((await seenRead(look, dataDir)).length, 1)
    assert.equal((await stat(join(dataDir, 'demo.env'))).mode & 0o777, 0o600)
    const secret = /SB_API_SECRET_KEY=(.*)/.exec(await readFile(join(dataDir, 'demo.env'), 'utf8'))?.[1] ?? ''
    assert.ok(secret.length > 20 && !output.includes(secret))
  })

  test('is found again by the next start, and made only once: there the contact can write again', {
    skip: requireCurl(),
  }, async () => {
    await using folder = await dataFolder()
    const settings = { dataDir: '.', env: DEMO, before: `cd ${folder.path}` }
    await using first = await startProcess(settings)
    await first.end('SIGTERM')
    await using second = await startProcess(settings)
    const output = await until('the greeting', second.output, (text) => text.includes('The keys are kept in'))
    assert.equal((await second.operator.must(200, 'GET', '/operator/accounts')).body.data.length, 1)
    assert.ok(!output.includes('just written'))
    const [write, mark, look] = commandsIn(output)
    for (const command of [write, mark]) paste(command, folder.path)
    assert.deepEqual(
      (await seenRead(look, folder.path)).map(({ content }) => content),
      ['Hi! Did you get my message?', 'Are you there?'],
    )
  })

  const HALF_MADE: readonly [what: string, lines: readonly string[], keys: boolean][] = [
    ['an account', [], false],
    ['an account and its line', [LINE], false],
    ['all but what was written', [LINE], true],
  ]
  for (const [what, lines, keys] of HALF_MADE) {
    test(`is finished where the start that made it was killed when there was ${what}`, async () => {
      await using folder = await dataFolder()
      await using first = await startProcess({ dataDir: folder.path })
      const file = join(folder.path, 'demo.env')
      const { accountId, keys: made } = await customer(first, { email: 'demo@example.com', lines })
      const text = `SB_API_KEY_ID=${made['sb-api-key-id']}\nSB_API_SECRET_KEY=${made['sb-api-secret-key']}\n`
      if (keys) await writeFile(file, text)
      await first.end('SIGKILL')
      await using second = await startProcess({ dataDir: folder.path, env: DEMO })
      await until('the greeting', second.output, (output) => output.includes('has just written'))
      const [keyId = '', secret = ''] = (await readFile(file, 'utf8')).match(/(?<==).+/g) ?? []
      const demo = enter(second.base, accountId, { 'sb-api-key-id': keyId, 'sb-api-secret-key': secret })
      assert.deepEqual([(await demo.phone()).length, keyId === made['sb-api-key-id']], [1, keys])
      assert.equal((await demo.must(200, 'GET', '/api/v2/messages')).body.data.length, 8)
      assert.equal((await second.operator.must(200, 'GET', '/operator/accounts')).body.data.length, 1)
    })
  }

  test('does not come back where its line was removed', async () => {
    await using folder = await dataFolder()
    await using first = await startProcess({ dataDir: folder.path, env: DEMO })
    await first.operator.must(200, 'DELETE', `/operator/lines/${encodeURIComponent(LINE)}`)
    await first.end('SIGTERM')
    await using second = await startProcess({ dataDir: folder.path, env: DEMO })
    assert.deepEqual((await second.operator.must(200, 'GET', '/operator/lines')).body.data, [])
  })

  test('never comes to a store that holds an account, nor to one of several servers, nor to one that others can reach', async () => {
    await using folder = await dataFolder()
    await using first = await startProcess({ dataDir: folder.path })
    await customer(first)
    await first.end('SIGTERM')
    await using second = await startProcess({ dataDir: folder.path, env: DEMO })
    assert.equal((await second.operator.must(200, 'GET', '/operator/accounts')).body.data.length, 1)
    assert.ok(!second.output().includes('The keys are kept in'))

    await using other = await dataFolder()
    const open = { ...DEMO, HOST: '0.0.0.0', READBACK_OPERATOR_TOKEN: OPERATOR_TOKEN }
    await using third = await startProcess({ dataDir: other.path, env: open })
    assert.deepEqual((await third.operator.must(200, 'GET', '/operator/accounts')).body.data, [])
    const shared = { DATABASE_URL: 'postgres://127.0.0.1/readback', READBACK_SECRET_KEY: '0'.repeat(64) }
    assert.equal(readConfig({ ...DEMO, ...shared, READBACK_OPERATOR_TOKEN: OPERATOR_TOKEN }).demo, false)
  })
})
