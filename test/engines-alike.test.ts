import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ANY_CALL, type AnyCall, LINES } from './support/any-call.ts'
import { client } from './support/client.ts'
import { nodeSettings, postgresServer, requirePostgres } from './support/postgres.ts'
import { type Customer, customer, type Readback, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'
import { keysOf, signIn } from './support/visitor.ts'

/** `npm run chaos` sets more. */
const CALLS = Number(process.env.CHAOS_CALLS ?? 250)

describe('whoever calls', { skip: requirePostgres() }, () => {
  test(`is answered alike on SQLite and by two servers on PostgreSQL by turns, ${CALLS} times in random order`, async (t) => {
    const seed = Date.now() & 0x7fffffff
    t.diagnostic(`seed ${seed}`)
    await using postgres = await postgresServer()
    await using database = await postgres.database()
    await using onSqlite = await startReadback({ LOG_LEVEL: 'warn' })
    const settings = { ...nodeSettings(database), LOG_LEVEL: 'warn' }
    await using first = await startReadback(settings)
    await using second = await startReadback(settings)
    const callers = [await caller([onSqlite]), await caller([first, second])] as const
    const asked = async (call: AnyCall) => {
      const [one, other] = await Promise.all(callers.map((answerTo) => answerTo(call)))
      assert.deepEqual(other, one, JSON.stringify(call))
      return one?.answer
    }
    for (const call of fc.sample(ANY_CALL, { seed, numRuns: CALLS })) await asked(call)
    const { data } = await asked({ method: 'GET', path: '/console/conversations?limit=100' })
    for (const { conversation_id: id } of data) {
      for (const view of ['', '/handset']) await asked({ method: 'GET', path: `/console/conversations/${id}${view}` })
    }
  })
})

type Answer = Awaited<ReturnType<Customer['call']>>['body']

/** Calls the servers by turns, with keys, and as a browser does where that alone is let in. */
async function caller(servers: readonly [Readback, ...Readback[]]) {
  const account = await customer(servers[0], { lines: LINES })
  const { cookie } = await signIn(servers[0].base, keysOf(account))
  const doors = servers.map(({ base }) => ({
    keys: client(base, account.keys),
    page: client(base, { origin: base, cookie }),
  }))
  let calls = 0
  return async ({ method, path, body }: AnyCall) => {
    const door = doors[calls++ % doors.length] as (typeof doors)[number]
    const by = path.startsWith('/console/') ? door.page : door.keys
    const { status, body: answer } = await by.call(method, path, body)
    assert.ok(status < 500, `${status} ${method} ${path} ${JSON.stringify(answer)}`)
    if (method !== 'GET') await rests(account)
    return { status, answer: comparable(answer) }
  }
}

/** What was called for has come to its end. */
async function rests(account: Customer): Promise<void> {
  await account.allSettled()
  await until(
    'all messages to be sent',
    () => account.must(200, 'GET', '/api/v2/messages?status=QUEUED&limit=1'),
    ({ body }) => body.data.length === 0,
  )
}

/** Without what no two servers have in common. */
function comparable(answer: Answer): Answer {
  // How far the tries of webhooks are is as the clock has it.
  const text = JSON.stringify(answer, (name, value) => (name === 'troubles' ? undefined : value))
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'a time')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'a carrier’s id')
    .replace(/("next_cursor":"\w+)\.\w+/g, '$1')
    .replace(/"(globalSecret|account_id)":"[^"]*"/g, '"$1":"its own"')
  return JSON.parse(text)
}
