import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Database,
  EVENTS_LOCK,
  locked,
  postgresServer,
  requirePostgres,
  runSql,
  waiting,
} from '../../../test/support/postgres.ts'
import { share } from '../../../test/support/shared.ts'
import type { PhoneNumber } from '../../core/phone-number.ts'
import type { MessageCall } from '../../core/sending.ts'
import { contactOf, type Desk, desk, LINE, open, WORDS } from '../desk.contract.ts'

/** PostgreSQL counts them with 16 bits. */
const MOST_PARAMETERS = 65_535

describe('a message that a line writes, on PostgreSQL', { skip: requirePostgres() }, () => {
  const server = share(postgresServer)

  test('hears of its delivery that is told while the answer to its call is being written', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    const call = await claimed(d)
    const events = await locked(database, EVENTS_LOCK)
    const settling = d.store.settleMessage({ call, at: 4, status: 'SENT', carrierMessageId: 'X' })
    await waiting(database, 1)
    const news = [{ of: { carrierMessageId: 'X' }, status: 'DELIVERED', at: 4 }] as const
    const told = d.store.noteNews({ lineId: d.lineId, news, at: 4 })
    await Promise.race([told, waiting(database, 2)])
    await events[Symbol.asyncDispose]()
    await Promise.all([settling, told])
    assert.deepEqual(await messages(database), [{ status: 'DELIVERED', reason: null }])
  })

  test('stays sent where another node takes its line up while that is being written', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    const call = await claimed(d)
    const other = await open(database)
    await runSql(database.url, 'update nodes set until = 0')
    const events = await locked(database, EVENTS_LOCK)
    const settling = d.store.settleMessage({ call, at: 4, status: 'SENT', carrierMessageId: 'X' })
    await waiting(database, 1)
    const taking = other.leases?.hold({ wanted: [] })
    await waiting(database, 2)
    await events[Symbol.asyncDispose]()
    await Promise.all([settling, taking])
    await other.close()
    assert.deepEqual(await messages(database), [{ status: 'SENT', reason: null }])
  })

  test('stays under way where another node takes up a line that is not its own', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    const call = await claimed(d)
    await using stack = new AsyncDisposableStack()
    const other = stack.adopt(await open(database), (store) => store.close())
    const [account] = await d.store.listAccounts()
    assert.ok(account)
    const draft = { accountId: account.id, connector: 'simulator', settings: {}, at: 3 }
    const { line } = await d.store.createLine({ ...draft, number: '+19175551235' as PhoneNumber })
    const holding = await other.leases?.hold({ wanted: [] })
    assert.deepEqual([...(holding?.held.keys() ?? [])], [line.id])
    await d.store.settleMessage({ call, at: 4, status: 'SENT', carrierMessageId: 'X' })
    assert.deepEqual(await messages(database), [{ status: 'SENT', reason: null }])
  })

  test('is taken up with its line by a node that takes more lines than a statement has parameters', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    await claimed(d)
    await runSql(database.url, MORE_LINES)
    await using stack = new AsyncDisposableStack()
    const other = stack.adopt(await open(database), (store) => store.close())
    await runSql(database.url, 'update nodes set until = 0')
    const holding = await other.leases?.hold({ wanted: [] })
    assert.equal(holding?.held.size, MOST_PARAMETERS + 1)
    assert.deepEqual(await messages(database), [{ status: 'ERROR', reason: 'interrupted' }])
  })

  test('is not sent where its line is removed while it is looked at', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    await write(d)
    // As `endRemoved` ends it.
    const ended = await locked(
      database,
      `update messages set status = 'ERROR', reason = 'line_removed', next_attempt_at = null where outbound = 1`,
    )
    const claiming = d.claimMessage(3)
    await waiting(database, 1)
    await ended[Symbol.asyncDispose]()
    assert.equal((await claiming).call, null)
  })
})

/** The line, so many times more. */
const MORE_LINES = `insert into lines select (jsonb_populate_record(l, jsonb_build_object(
  'id', l.id + n, 'number', l.number || n, 'inbound_secret_hash', n::text))).* from lines l, generate_series(1, ${MOST_PARAMETERS}) n`

async function write(d: Desk): Promise<void> {
  await d.receive(contactOf(0), 1)
  await d.store.sendMessage({ credentials: d.credentials, fromNumber: LINE, number: contactOf(0), ...WORDS, at: 2 })
}

async function claimed(d: Desk): Promise<MessageCall> {
  await write(d)
  const { call } = await d.claimMessage(3)
  assert.ok(call)
  return call
}

function messages({ url }: Database) {
  return runSql(url, 'select status, reason from messages where outbound = 1')
}
