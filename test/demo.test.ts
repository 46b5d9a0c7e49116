import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readConfig } from '../src/config.ts'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, customer, enter, LINE, OPERATOR_TOKEN } from './support/readback.ts'
import { requireCurl } from './support/requires.ts'
import { until } from './support/until.ts'

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
