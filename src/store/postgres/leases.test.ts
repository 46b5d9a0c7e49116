import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type Database,
  LOGGED,
  locked,
  ownServer,
  postgresServer,
  requireOwnPostgres,
  requirePostgres,
  runSql,
  waiting,
} from '../../../test/support/postgres.ts'
import { share } from '../../../test/support/shared.ts'
import { until } from '../../../test/support/until.ts'
import type { LineId } from '../../core/id.ts'
import type { PhoneNumber } from '../../core/phone-number.ts'
import { contactOf, type Desk, desk, open } from '../desk.contract.ts'

describe('leases on lines', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)

  test('are taken on as many lines as there are, however many were removed', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    await d.store.removeLine({ id: d.lineId, at: 1 })
    const second = await secondLine(d)
    const holding = await d.store.leases?.hold({ wanted: [] })
    assert.deepEqual([...(holding?.held.keys() ?? [])], [second])
  })

  test('of a node that died leave nothing under way on a line that was removed', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    const id = await d.request(contactOf(0), 1)
    await d.claim(2)
    await d.store.removeLine({ id: d.lineId, at: 3 })
    await using other = await node(database)
    await other.hold([])
    while (await other.store.endRemoved({ limit: 9, at: 4 }));
    assert.equal((await d.receipt(id)).state, 'sending')
    await runSql(database.url, 'update nodes set until = 0')
    await other.hold([])
    while (await other.store.endRemoved({ limit: 9, at: 5 }));
    const { state, reason } = await d.receipt(id)
    assert.deepEqual([state, reason], ['skipped', 'line_removed'])
  })

  test('that a node gave back when it left leave nothing under way on a line that was removed, either', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    await using other = await node(database)
    await other.hold([])
    const id = await d.request(contactOf(0), 1)
    await d.claim(2)
    await d.store.removeLine({ id: d.lineId, at: 3 })
    await d.store.leases?.release()
    {
      // Its line is passed over where another has it at this moment, and is looked at with the next renewal.
      await using _held = await locked(database, 'select 1 from lines for update')
      await other.hold([])
    }
    await other.hold([])
    while (await other.store.endRemoved({ limit: 9, at: 4 }));
    const { state, reason } = await d.receipt(id)
    assert.deepEqual([state, reason], ['skipped', 'line_removed'])
    await other.hold([])
    assert.equal((await runSql(database.url, 'select 1 from nodes')).length, 1)
  })

  test('of a node that died are looked at by what is left, however many lines were removed', async () => {
    await using database = await postgres.database()
    {
      await using d = await desk(database)
      await removedLines(database, 1_000)
      await runSql(database.url, `insert into nodes (id, until) values ('dead', 0)`)
      const id = await d.request(contactOf(0), 1)
      await d.claim(2)
      await d.store.leases?.hold({ wanted: [] })
      await d.store.removeLine({ id: d.lineId, at: 3 })
      await d.store.leases?.release()
      await using other = await node(database)
      await other.hold([])
      while (await other.store.endRemoved({ limit: 9, at: 1e6 }));
      assert.equal((await d.receipt(id)).reason, 'line_removed')
    }
    // A connection tells of what it read when it ends.
    await until(
      'all to have ended',
      () => runSql(database.url, OTHERS),
      ({ length }) => length === 0,
    )
    const [read] = await runSql<{ entries: number }>(
      database.url,
      `select sum(idx_scan + idx_tup_read)::int as entries from pg_stat_user_indexes
       where relname in ('lines', 'receipts', 'messages')`,
    )
    assert.ok(read && read.entries < 500, `${read?.entries} looks and entries`)
  })

  test('stay with a node whose own lease ran out, and was renewed while another took those of a dead one', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    await using other = await node(database)
    const [own] = await runSql<{ id: string }>(database.url, 'select id from nodes')
    const setUntil = (at: number) => runSql(database.url, 'update nodes set until = $1 where id = $2', [at, own?.id])
    const second = await secondLine(d)
    await runSql(database.url, `insert into nodes (id, until) values ('dead', 0)`)
    const lease = `insert into line_leases (line_id, node, epoch, next_call_at) values ($1, 'dead', 1, 0)`
    await runSql(database.url, lease, [second])
    const dead = await locked(database, `select 1 from nodes where id = 'dead' for update`)
    const theirs = await locked(database, `select 1 from line_leases where node = 'dead' for update`)
    const taking = other.hold([d.lineId, second])
    await waiting(database, 1, 'select id from nodes')
    await setUntil(0)
    await dead[Symbol.asyncDispose]()
    await waiting(database, 1, 'insert into line_leases')
    await setUntil(Date.now() + 30_000)
    await theirs[Symbol.asyncDispose]()
    assert.deepEqual(await taking, [second])
    assert.deepEqual([...((await d.store.leases?.hold({ wanted: [] }))?.held.keys() ?? [])], [d.lineId])
  })

  test('of a node that died are taken one by one, and with the last of them it is forgotten', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    await using other = await node(database)
    const second = await secondLine(d)
    await runSql(database.url, `insert into nodes (id, until) values ('dead', 0), ('idle', 0)`)
    const lease = `insert into line_leases (line_id, node, epoch, next_call_at) values ($1, 'dead', 1, 0)`
    await runSql(database.url, lease, [second])
    await runSql(database.url, `update line_leases set node = 'dead'`)
    const dead = () => runSql<{ id: string }>(database.url, 'select id from nodes where until = 0')
    assert.deepEqual([await other.hold([]), await dead()], [[d.lineId], [{ id: 'dead' }]])
    assert.deepEqual([...((await d.store.leases?.hold({ wanted: [] }))?.held.keys() ?? [])], [second])
    assert.deepEqual(await dead(), [])
  })

  test('of a node that died before the clock was set back end some minutes later, and those that are long do not', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    const now = d.store.now()
    const untils = { early: now + 3_600_000, late: now + 290_000 }
    for (const node of Object.entries(untils)) await runSql(database.url, 'insert into nodes values ($1, $2)', node)
    await d.store.leases?.hold({ wanted: [] })
    const left = `select id, until::float8 from nodes where id in ('early', 'late') order by id`
    const [early, late] = await runSql<{ until: number }>(database.url, left)
    assert.ok(early && early.until >= now + 299_000 && early.until <= d.store.now() + 301_000, `${early?.until}`)
    assert.equal(late?.until, untils.late)
  })

  test('tell of no call that is an hour away, which was written before the clock was set back', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    const told = async () => (await d.store.leases?.hold({ wanted: [] }))?.held.get(d.lineId)
    const soon = d.store.now() + 60_000
    for (const [written, heard] of [
      [soon, soon],
      [soon + 3_600_000, 0],
    ] as const) {
      await runSql(database.url, 'update line_leases set next_call_at = $1', [written])
      assert.equal(await told(), heard)
    }
    await d.request(contactOf(0), 1)
    const at = d.store.now()
    await d.claim(at)
    const rows = await runSql<{ set: boolean }>(database.url, 'select next_call_at = $1 as set from line_leases', [at])
    assert.deepEqual(rows, [{ set: true }])
  })

  test('stay with a node that took them in the moment in which another began', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    await d.request(contactOf(0), 1)
    await d.claim(2)
    await d.store.leases?.release()
    await using first = await node(database)
    await using second = await node(database)
    const receipts = await locked(database, 'select 1 from receipts for update')
    const firstHolds = first.hold([])
    await waiting(database, 1, 'update receipts')
    const secondHolds = second.hold([])
    await waiting(database, 1, 'insert into line_leases')
    await receipts[Symbol.asyncDispose]()
    assert.deepEqual([await firstHolds, await secondHolds], [[d.lineId], []])
    const call = { lineId: d.lineId, limit: 1, obstacle: 'pace', servedFrom: 0, nextCallAt: 0, at: 1e15 } as const
    assert.equal((await first.store.claimReceipts(call)).line?.id, d.lineId)
  })
})

describe('a renewal of a lease', { skip: requireOwnPostgres() }, () => {
  const postgres = share(() => ownServer(LOGGED))

  test('looks at what was removed only where a node is gone since', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    const renew = async () => void (await d.store.leases?.hold({ wanted: [] }))
    for (let times = 0; times < 3; times++) await renew()
    await runSql(database.url, `insert into nodes (id, until) values ('dead', 0)`)
    for (let times = 0; times < 3; times++) await renew()
    const letters = { 'insert into nodes': 'R', 'removed_at is not null': 'L' }
    const story = async () =>
      (await postgres.statements('kept'))
        .flatMap((text) => Object.entries(letters).find(([words]) => text.includes(words))?.[1] ?? [])
        .join('')
    const told = await until('all to be in the log', story, (said) => said.split('R').length > 7)
    assert.match(told, /^RLRRRRLRR/)
  })
})

async function node(database: Database) {
  const store = await open(database)
  const hold = async (wanted: readonly LineId[]) => [...((await store.leases?.hold({ wanted }))?.held.keys() ?? [])]
  return { store, hold, [Symbol.asyncDispose]: () => store.close() }
}

const OTHERS = 'select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'

/** So many of which nothing is left, and that were a node's that is forgotten. */
function removedLines({ url }: Database, count: number): Promise<unknown> {
  return runSql(
    url,
    `insert into lines (account_id, number, connector, settings, inbound_secret, inbound_secret_hash, to_enrol, paused, status,
       created_at, removed_at, ended_at)
     select account_id, '+1415555' || (1000 + n), connector, settings, inbound_secret, n, 0, 0, status, 0, 1, 100000
     from lines, generate_series(1, ${count}) as k (n);
     insert into line_leases (line_id, node, epoch, next_call_at) select id, 'gone', 1, 0 from lines where removed_at is not null`,
  )
}

async function secondLine({ store }: Desk): Promise<LineId> {
  const [account] = await store.listAccounts()
  assert.ok(account)
  const draft = { accountId: account.id, connector: 'simulator', settings: {}, at: 2 }
  return (await store.createLine({ ...draft, number: '+19175551235' as PhoneNumber })).line.id
}
