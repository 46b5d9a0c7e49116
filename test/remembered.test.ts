import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { MOST_TOLD } from '../src/store/postgres/places.ts'
import {
  type Database,
  EVENTS_LOCK,
  LOGGED,
  locked,
  nodeSettings,
  ownServer,
  requireOwnPostgres,
  runSql,
  waiting,
} from './support/postgres.ts'
import { CONTACT, type Customer, customer, enter, LINE, type Readback, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'

const LINE_PATH = `/operator/lines/${encodeURIComponent(LINE)}`
const OTHER = '+14155550199'
const CALL = { number: CONTACT, from_number: LINE }

describe('a node that remembers a call, while another changes what it was decided by', {
  skip: requireOwnPostgres(),
}, () => {
  const postgres = share(() => ownServer(LOGGED))
  let stack: AsyncDisposableStack
  let database: Database
  let a: Readback
  let b: Readback
  let onA: Customer
  let onB: Customer
  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    database = stack.use(await postgres.database())
    a = stack.use(await startReadback(nodeSettings(database)))
    b = stack.use(await startReadback(nodeSettings(database)))
    onA = await customer(a)
    onB = enter(b.base, onA.accountId, onA.keys)
    // What is queued stays so, and every further call joins it.
    await a.operator.must(200, 'PATCH', LINE_PATH, { paused: true })
  })
  afterEach(() => stack.disposeAsync())

  const requests = async () => {
    const rows = await runSql<{ requests: number }>(database.url, 'select requests::int from receipts order by id')
    return rows.map((row) => row.requests)
  }
  /** Until it is remembered: what is queued, and that it was joined. */
  const rememberOnB = async () => {
    const id = await onB.markRead()
    assert.equal(await onB.markRead(), id)
    return id
  }
  const refused = async (status: number) => {
    const { status: answered } = await onB.call('POST', '/api/mark-read', CALL)
    assert.equal(answered, status)
    assert.deepEqual(await requests(), [2])
  }

  const logged = async (words: string) => (await postgres.statements()).filter((query) => query.includes(words)).length
  const looks = () => logged('with ordinality')
  const joins = () => logged('r.xmin = k.version')
  const tell = (count: number) =>
    runSql(
      database.url,
      `insert into events (account_id, line_id, type, event, at)
       select account_id, id, 'line.status.changed', '{}', 0 from lines, generate_series(1, ${count})`,
    )
  const readUpTo = async (id: string) => (await onB.receipt(id)).read_up_to

  test('joins without another look', async () => {
    await rememberOnB()
    await until('the first join to be in the log', joins, (count) => count === 1)
    const before = await looks()
    const id = await onB.markRead()
    await until('the next join to be in the log', joins, (count) => count === 2)
    assert.equal(await looks(), before)
    assert.equal((await onB.receipt(id)).requests, 3)
  })

  test('looks again once its connections broke: the next may be to a standby that took over', async () => {
    const joined = await joins()
    const id = await rememberOnB()
    await until('the join to be in the log', joins, (count) => count > joined)
    const broken = await runSql<{ pid: number }>(
      database.url,
      `select pid, pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    )
    // Until they are gone one of them may still answer.
    const pids = broken.map(({ pid }) => pid)
    const left = () => runSql(database.url, 'select 1 from pg_stat_activity where pid = any($1)', [pids])
    await until('them to be gone', left, ({ length }) => length === 0)
    const ready = () => fetch(`${b.base}/readyz`)
    await until('it to be ready again', ready, ({ status }) => status === 200)
    const before = await looks()
    assert.equal(await onB.markRead(), id)
    await until('the look to be in the log', looks, (count) => count > before)
    assert.deepEqual(await requests(), [3])
  })

  test('refuses a key that was revoked', async () => {
    await rememberOnB()
    const { 'sb-api-key-id': keyId } = onA.keys
    await a.operator.must(200, 'DELETE', `/operator/accounts/${onA.accountId}/keys/${keyId}`)
    await refused(401)
  })

  test('refuses when read receipts are not enabled any more', async () => {
    await rememberOnB()
    await a.operator.must(200, 'PATCH', `/operator/accounts/${onA.accountId}`, { read_receipts_enabled: false })
    await refused(403)
    await a.operator.must(200, 'PATCH', `/operator/accounts/${onA.accountId}`, { read_receipts_enabled: true })
    await onB.markRead()
    assert.deepEqual(await requests(), [3])
  })

  test('refuses a line that was removed, though its receipts are not ended yet', async () => {
    await rememberOnB()
    // So that nothing ends them.
    await using _ = await locked(database, 'select id from receipts for update')
    await a.operator.must(200, 'DELETE', LINE_PATH)
    await refused(404)
  })

  test('joins nothing of a line that was removed and is registered again', async () => {
    const id = await rememberOnB()
    // So that nothing ends them.
    await using _ = await locked(database, 'select id from receipts for update')
    await a.operator.must(200, 'DELETE', LINE_PATH)
    const draft = { number: LINE, connector: 'simulator' }
    await a.operator.must(201, 'POST', `/operator/accounts/${onA.accountId}/lines`, draft)
    await onB.markRead(OTHER)
    assert.notEqual(await onB.markRead(), id)
  })

  test('refuses a line that is another account’s by now', async () => {
    await rememberOnB()
    await a.operator.must(200, 'DELETE', LINE_PATH)
    const other = await customer(a, { lines: [LINE] })
    await refused(404)
    await other.markRead()
  })

  test('reads up to what the contact wrote meanwhile', async () => {
    const id = await rememberOnB()
    const [handle] = await onA.write()
    assert.equal(await onB.markRead(), id)
    const { read_up_to, requests: counted } = await onB.receipt(id)
    assert.deepEqual([read_up_to, counted], [handle, 3])
  })

  test('reads up to what was being written while the receipt was queued', async () => {
    await onA.write()
    let inbound: Promise<string[]>
    let id: string
    {
      // So that whoever has something to tell waits.
      await using _ = await locked(database, EVENTS_LOCK)
      inbound = onA.write()
      await waiting(database, 1)
      id = await rememberOnB()
      await onB.markRead()
    }
    const [handle] = await inbound
    assert.equal(await onB.markRead(), id)
    assert.equal(await readUpTo(id), handle)
  })

  test('reads up to what was written after more than it looks through was told', async () => {
    const id = await rememberOnB()
    await tell(2 * MOST_TOLD)
    const [handle] = await onA.write()
    assert.equal(await onB.markRead(), id)
    assert.equal(await readUpTo(id), handle)
    // And remembers again.
    const [looked, joined] = [await looks(), await joins()]
    await onB.markRead()
    await until('the join to be in the log', joins, (count) => count > joined)
    assert.equal(await looks(), looked)
  })

  test('reads up to what was written before it heard of it by a call for another', async () => {
    const id = await rememberOnB()
    const [handle] = await onA.write()
    await onB.markRead(OTHER)
    await onB.markRead(OTHER)
    assert.equal(await onB.markRead(), id)
    assert.equal(await readUpTo(id), handle)
  })

  test('reads up to the first that was ever told of', async () => {
    await runSql(database.url, 'delete from events')
    const id = await rememberOnB()
    const [handle] = await onA.write()
    await onB.markRead(OTHER)
    assert.equal(await onB.markRead(), id)
    assert.equal(await readUpTo(id), handle)
  })

  test('reads up to what was written, though the event of it is forgotten already', async () => {
    const id = await rememberOnB()
    const [handle] = await onA.write()
    await runSql(database.url, 'delete from events')
    await tell(1)
    assert.equal(await onB.markRead(), id)
    assert.equal(await readUpTo(id), handle)
  })

  test('joins at once what it has looked at, though the contact wrote since it last heard', async () => {
    await rememberOnB()
    await onA.write({ number: OTHER })
    await onA.markRead(OTHER)
    const before = await joins()
    await onB.markRead(OTHER)
    await onB.markRead(OTHER)
    await until('both joins to be in the log', joins, (count) => count >= before + 2)
    assert.equal(await joins(), before + 2)
  })

  test('queues another once the one that it joined is carried', async () => {
    await onA.write()
    const id = await rememberOnB()
    await a.operator.must(200, 'PATCH', LINE_PATH, { paused: false })
    assert.equal((await onA.settled(id)).state, 'sent')
    await onA.write()
    const next = await onB.markRead()
    assert.notEqual(next, id)
    assert.equal((await onB.settled(next)).state, 'sent')
    assert.notEqual((await onA.phone()).at(-1)?.read_at, null)
  })

  test('counts what both take in turn', async () => {
    const id = await rememberOnB()
    for (let round = 0; round < 20; round++) {
      assert.equal(await onA.markRead(), id)
      assert.equal(await onB.markRead(), id)
    }
    assert.deepEqual(await requests(), [42])
  })

  test('tells a wrong secret from the right one', async () => {
    await rememberOnB()
    const stranger = enter(b.base, onA.accountId, { ...onA.keys, 'sb-api-secret-key': 'wrong' })
    assert.equal((await stranger.call('POST', '/api/mark-read', CALL)).status, 401)
    assert.deepEqual(await requests(), [2])
  })
})
