import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import Sendblue from 'sendblue'
import { CONTACT, type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'
import { requireCurl, requirePythonRequests } from './support/requires.ts'
import { until } from './support/until.ts'

const PAGE = join(import.meta.dirname, 'fixtures/page')
const ROOT = join(import.meta.dirname, '..')

/** The page's example in a client's language, and what runs it. */
const CLIENTS = [
  { name: 'curl', file: 'sh', command: ['sh'], wrap: (text: string) => text, skip: requireCurl() },
  {
    name: 'axios',
    file: 'js.txt',
    command: [process.execPath, '--input-type=commonjs'],
    // The page's `await` stands at the top, where `require` and `await` do not go together.
    wrap: (text: string) => `(async () => { ${text} })()`,
    skip: false,
  },
  {
    name: 'requests',
    file: 'py',
    command: ['/usr/bin/python3'],
    wrap: (text: string) => text,
    skip: requirePythonRequests(),
  },
] as const

describe('a program written for Sendblue, with only its host changed', () => {
  let server: Readback
  let account: Customer
  before(async () => {
    server = await startReadback()
    account = await customer(server)
  })
  after(() => server[Symbol.asyncDispose]())
  beforeEach(() =>
    server.operator.must(200, 'PATCH', `/operator/accounts/${account.accountId}`, { auto_mark_read: false }),
  )

  async function run({ file, command, wrap }: (typeof CLIENTS)[number], example: string): Promise<void> {
    const text = (await readFile(join(PAGE, `${example}.${file}`), 'utf8'))
      .replace('https://api.sendblue.com', server.base)
      .replace('YOUR_API_KEY', account.keys['sb-api-key-id'])
      .replace('YOUR_API_SECRET', account.keys['sb-api-secret-key'])
    await runText(command, wrap(text))
  }

  async function runText([program = '', ...args]: readonly string[], text: string): Promise<void> {
    const child = spawn(program, args, { cwd: ROOT, stdio: ['pipe', 'ignore', 'ignore'] })
    child.stdin.end(text)
    const [code] = await once(child, 'close')
    assert.equal(code, 0)
  }

  async function isReadOnPhone(handle: string | undefined): Promise<void> {
    await until(
      '"Read" on the phone',
      async () => (await account.phone()).find(({ message_handle }) => message_handle === handle),
      (message) => message?.read_at != null,
    )
  }

  for (const client of CLIENTS) {
    test(`marks as read: the page’s ${client.name} example`, { skip: client.skip }, async () => {
      const [handle] = await account.write()
      await run(client, 'mark-read')
      await isReadOnPhone(handle)
    })

    test(`turns auto mark-read on: the page’s ${client.name} example`, { skip: client.skip }, async () => {
      await run(client, 'auto-mark-read')
      const { body } = await account.must(200, 'GET', '/accounts/settings/auto-mark-read')
      assert.deepEqual(body, { status: 'OK', auto_mark_read: true })
    })
  }

  function sdk(apiSecret: string): Sendblue {
    return new Sendblue({ baseURL: server.base, apiKey: account.keys['sb-api-key-id'], apiSecret })
  }

  test('marks as read: the official SDK’s raw post', async () => {
    const [handle] = await account.write()
    const body = { number: CONTACT, from_number: LINE }
    const answer = await sdk(account.keys['sb-api-secret-key']).post('/api/mark-read', { body })
    assert.deepEqual(answer, { status: 'OK', message: 'Mark read request sent', number: CONTACT })
    await isReadOnPhone(handle)
  })

  test('marks as read: the official SDK as docs/api.md points it here', async () => {
    const [handle] = await account.write()
    const page = await readFile(join(ROOT, 'docs/api.md'), 'utf8')
    const [, text = ''] = /^## The official SDK\n.*?^```sh\n(.*?)^```/ms.exec(page) ?? []
    const { 'sb-api-key-id': id, 'sb-api-secret-key': secret } = account.keys
    const keys = `SB_API_KEY_ID=${id} SB_API_SECRET_KEY=${secret}`
    await runText(['sh', '-e'], text.replace('. data/demo.env', keys).replace('http://127.0.0.1:7070', server.base))
    await isReadOnPhone(handle)
  })

  test('shows the official SDK’s user a refusal as status and message', async () => {
    const body = { number: CONTACT, from_number: LINE }
    await assert.rejects(sdk('wrong').post('/api/mark-read', { body }), Sendblue.AuthenticationError)
    const call = sdk(account.keys['sb-api-secret-key']).post('/api/mark-read', { body: { ...body, number: '' } })
    await assert.rejects(call, { message: '400 You must specify a `number` in the request body.' })
  })
})
