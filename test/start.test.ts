import assert from 'node:assert/strict'
import { chmod, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { client } from './support/client.ts'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
import { customer, LINE } from './support/readback.ts'

describe('a start', () => {
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
})
