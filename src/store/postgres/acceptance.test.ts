import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Database,
  LOGGED,
  locked,
  ownServer,
  requireOwnPostgres,
  runSql,
  waiting,
} from '../../../test/support/postgres.ts'
import { share } from '../../../test/support/shared.ts'
import { until } from '../../../test/support/until.ts'
import type { ApiKey } from '../../core/account.ts'
import type { Address } from '../../core/phone-number.ts'
import type { Store } from '../../core/store.ts'
import { contactOf, desk, LINE, open } from '../desk.contract.ts'

const [REMEMBERED, THEIRS, FRESH] = [contactOf(0), contactOf(1), contactOf(2)] as const

describe('calls that come together on PostgreSQL', { skip: requireOwnPostgres() }, () => {
  const server = share(() => ownServer(LOGGED))

  /** A letter for each: what is looked at, joined and queued, in its order. */
  const story = async () => {
    const letters = { 'array_agg(k.place)': 'L', 'r.xmin = k.version': 'J', 'insert into receipts': 'Q' }
    const told = await server.statements()
    return told.flatMap((text) => Object.entries(letters).find(([words]) => text.includes(words))?.[1] ?? []).join('')
  }

  const transactions = async () =>
    (await server.statements()).filter((text) => text.startsWith('begin isolation level repeatable read')).length

  test('are taken once each: those remembered while the others are looked at, and what is queued of these with the next', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    await using other = await another(database)
    const { id: accountId } = await d.store.admit({ credentials: d.credentials, gate: true })
    const second = await d.store.createKey({ accountId, at: 0 })
    // What is remembered goes by the newest event.
    await d.receive(REMEMBERED, 0)
    await d.request(REMEMBERED, 1)
    await d.request(REMEMBERED, 2)
    await ask(other, d.credentials, THEIRS, 3)
    await d.receive(THEIRS, 4)
    const before = await until('all to be in the log', story, (said) => said.endsWith('LQ'))
    const twice = [REMEMBERED, THEIRS, FRESH, REMEMBERED, THEIRS, FRESH]
    const ids = await Promise.all([
      ...twice.map((contact) => d.request(contact, 5)),
      ask(d.store, second, REMEMBERED, 5),
    ])
    assert.deepEqual(ids.slice(3, 6), ids.slice(0, 3))
    assert.equal(ids[6], ids[0])
    const rows = await receipts(database)
    assert.deepEqual(
      rows.map((row) => row.requests),
      [2 + 3, 1 + 2, 2],
    )
    assert.deepEqual([rows[1]?.unread, rows[1]?.read_up_to !== null], [false, true])
    const said = await until('the last join to be in the log', story, (said) => said.length >= before.length + 4)
    assert.equal(said.slice(before.length), 'LJQJ')
  })

  test('are looked at before any is joined where one comes again, so that it comes no third time', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    await using other = await another(database)
    const [changed, kept] = [contactOf(0), contactOf(1)]
    await d.receive(changed, 0)
    for (const contact of [changed, kept, changed, kept]) await d.request(contact, 1)
    await ask(other, d.credentials, changed, 2)
    const before = await until('all to be in the log', story, (said) => said.endsWith('JJLJ'))
    const first = [d.request(changed, 3), d.request(kept, 3)]
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([...first, d.request(kept, 3)])
    assert.deepEqual(
      (await receipts(database)).map((row) => row.requests),
      [4, 4],
    )
    const said = await until('the last join to be in the log', story, (said) => said.length >= before.length + 3)
    assert.equal(said.slice(before.length), 'JLJ')
  })

  test('are looked at again once a connection was ended in the middle of a statement, though others were not', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    await d.receive(REMEMBERED, 0)
    for (const at of [1, 2]) await d.request(REMEMBERED, at)
    const before = await until('what was asked to be in the log', story, (said) => said.endsWith('LQJ'))
    await using held = new AsyncDisposableStack()
    held.use(await locked(database, 'lock table accounts'))
    const ended = assert.rejects(d.store.listAccounts(), /terminating connection/)
    await waiting(database, 1)
    await runSql(database.url, END_WHO_WAITS)
    await ended
    await held.disposeAsync()
    await d.request(REMEMBERED, 3)
    const said = await until('the last join to be in the log', story, (said) => said.slice(before.length).endsWith('J'))
    assert.equal(said.slice(before.length), 'LJ')
  })

  for (const [words, told] of [
    ['that is parsed', 'LQ'],
    ['that was parsed before', 'LQJ'],
  ] as const) {
    test(`are one statement ${words} where all are remembered, which waits for a migration with no table in its hands`, async () => {
      await using database = await server.database()
      await using d = await desk(database)
      await d.receive(REMEMBERED, 0)
      await d.request(REMEMBERED, 1)
      if (told === 'LQJ') await d.request(REMEMBERED, 2)
      const before = await until('what was asked to be in the log', story, (said) => said.endsWith(told))
      const begun = await transactions()
      await using held = new AsyncDisposableStack()
      held.use(await locked(database, 'lock table kysely_migration_lock in access exclusive mode'))
      const joined = d.request(REMEMBERED, 3)
      await waiting(database, 1, 'with migrations')
      assert.deepEqual(await runSql(database.url, HELD_BY_WHO_WAITS), [])
      await held.disposeAsync()
      await joined
      const said = await until('the last join to be in the log', story, ({ length }) => length > before.length)
      assert.deepEqual([said.slice(before.length), (await transactions()) - begun], ['J', 0])
    })
  }
})

const HELD_BY_WHO_WAITS = `select relation::regclass::text from pg_locks join pg_stat_activity using (pid)
  where locktype = 'relation' and granted and wait_event_type = 'Lock' and query like 'with migrations%'`

const END_WHO_WAITS = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock'`

async function another(database: Database): Promise<Store & AsyncDisposable> {
  const store = await open(database)
  return { ...store, [Symbol.asyncDispose]: () => store.close() }
}

async function ask(store: Pick<Store, 'markRead'>, credentials: ApiKey, number: Address, at: number) {
  const call = { credentials, number, fromNumber: LINE, trigger: 'api', relayed: false, at } as const
  return (await store.markRead(call)).receiptId
}

/** In order of their contacts; `unread` where something is written behind what they read up to. */
function receipts(database: Database) {
  return runSql<{ requests: number; read_up_to: string | null; unread: boolean }>(
    database.url,
    `select r.requests::int, r.read_up_to, c.last_message_id > coalesce(r.read_up_to, 0) as unread
     from receipts r join conversations c on c.id = r.conversation_id order by c.address`,
  )
}
