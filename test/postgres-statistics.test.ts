import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { desk } from '../src/store/desk.contract.ts'
import { ROWS_PER_LOOK } from '../src/store/overdue.ts'
import { connectionOptions } from '../src/store/postgres/connection.ts'
import { CLAIM, GIVE_UP } from '../src/store/postgres/deliveries.ts'
import {
  COUNT,
  EXPIRE,
  FIND_NEXT_DUE,
  LOCK_DUE,
  SET_BACK,
  SETTLE,
  SKIP_REMOVED,
} from '../src/store/postgres/outbox-statements.ts'
import { JOIN_UNCHANGED } from '../src/store/postgres/places.ts'
import { IN_ORDER } from '../src/store/postgres/transactions.ts'
import { conditionsOf, type Explained, type Plan, planOf, stepsOf } from './support/plan.ts'
import { type Database, nodeSettings, ownServer, requireOwnPostgres, runSql } from './support/postgres.ts'
import { startReadback } from './support/readback.ts'
import { deliveries, messages, settled, waiting } from './support/rows.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'

describe('a statement on PostgreSQL', { skip: requireOwnPostgres() }, () => {
  const postgres = share(ownServer)

  test('finds receipts by line, conversation or id, also by statistics of a moment when none was open', async () => {
    await using database = await postgres.database()
    await startReadback(nodeSettings(database)).then((server) => server[Symbol.asyncDispose]())
    await runSql(database.url, `${settled(20_000)}; analyze receipts`)
    for (const { text } of [LOCK_DUE, FIND_NEXT_DUE, JOIN_UNCHANGED]) {
      const conditions = conditionsOf(await planOf(database, text))
      const others = conditions.filter(
        (condition) => !/line_id = |conversation_id = |^\((id|key_id) = |^\(id >= \$0\)/.test(condition),
      )
      assert.deepEqual([conditions.length >= 2, others], [true, []])
    }
    const justReceipts = [SET_BACK, COUNT].map(({ text }) => [text, 1] as const)
    // Each with its conversation and its line, to be told of.
    const settling = [SETTLE, EXPIRE, SKIP_REMOVED].map(({ text }) => [text, 3] as const)
    for (const [text, tables] of [...justReceipts, ...settling]) {
      const conditions = conditionsOf(await planOf(database, text))
      assert.deepEqual([conditions.length, conditions.filter((one) => !/^\(id = /.test(one))], [tables, []], text)
    }
  })

  test('asks each line and endpoint whether something waits, also by statistics of a moment when nothing did', async () => {
    await using database = await postgres.database()
    {
      await using d = await desk(database)
      await runSql(
        database.url,
        `alter table receipts set (autovacuum_enabled = off); alter table messages set (autovacuum_enabled = off);
         alter table webhook_deliveries set (autovacuum_enabled = off);
         insert into lines (account_id, number, connector, settings, inbound_secret, inbound_secret_hash, to_enrol, paused, status,
           created_at) select account_id, '+1415555' || (1000 + n), connector, settings, inbound_secret, n, 0, 0, status, 0
           from lines, generate_series(1, 100) as k (n);
         insert into webhooks (account_id, type, url, created_at)
           select account_id, 'receive', 'https://example.com/' || id, 0 from lines;
         ${settled(20_000)}; ${messages(20_000, null)}; ${deliveries(20_000, null)}; analyze;
         ${waiting(20_000)}; ${messages(20_000, 1)}; ${deliveries(20_000, 1)}`,
      )
      assert.deepEqual(await d.store.linesWithReceipts(), [d.lineId])
      assert.deepEqual(await d.store.linesWithMessages(), [d.lineId])
      const looked = await d.store.findDueEndpoints({ after: 0, limit: 100, by: 1 })
      assert.deepEqual(looked, { endpoints: [{ id: 1, callbackOf: null, dueAt: 1 }], goOnAfter: null })
    }
    // A connection tells of what it read when it ends.
    const read = await until(
      'it to be counted',
      () =>
        runSql<{ relname: string; read: number }>(
          database.url,
          `select relname, sum(idx_tup_read)::int as read from pg_stat_user_indexes
           where indexrelname in ('receipt_lanes', 'message_lanes', 'message_queue', 'delivery_lanes') group by relname`,
        ),
      (counted) => counted.every(({ read }) => read > 0),
    )
    assert.deepEqual(
      read.filter(({ read }) => read > 100),
      [],
    )
  })

  test('claims in the order of the lane, and sorts no more than it takes, whether much waits or little', async () => {
    await using database = await postgres.database()
    await startReadback(nodeSettings(database)).then((server) => server[Symbol.asyncDispose]())
    for (const count of [100, 100_000]) {
      await runSql(database.url, `${waiting(count)}; ${deliveries(count, 1)}; analyze`)
      const [receipts, webhooks] = [await planOf(database, LOCK_DUE.text), await planOf(database, CLAIM.text)]
      assert.match(stepsOf(receipts).join('; '), /Limit; (Result; )+Index Scan by receipt_lanes/)
      assert.match(stepsOf(webhooks).join('; '), /Limit; (Result; )+LockRows; (Result; )*Index Scan by delivery_lanes/)
    }
  })

  test('gives up in the order of the lane, and sorts nothing, by statistics of a moment when little waited', async () => {
    await using database = await postgres.database()
    await startReadback(nodeSettings(database)).then((server) => server[Symbol.asyncDispose]())
    await runSql(
      database.url,
      `insert into webhook_deliveries (account_id, webhook_id, event_id, next_attempt_at, created_at)
       select 1, 1 + n % 40, n, n, n from generate_series(1, 20000) as k (n); analyze webhook_deliveries`,
    )
    const [row] = await runSql<Explained>(
      connectionOptions(database.url),
      `begin; ${IN_ORDER.text}; set local plan_cache_mode = force_generic_plan;
       prepare asked as ${GIVE_UP.text}; explain (format json) execute asked(1, 30000, 1000, false)`,
    )
    const steps = stepsOf(row?.['QUERY PLAN'][0]?.Plan as Plan)
    assert.ok(steps.includes('Index Scan by delivery_lanes'), steps.join('; '))
    assert.ok(!steps.some((step) => step.startsWith('Sort')), steps.join('; '))
  })

  test('looks for the overdue no further than it says, also by statistics of a moment when little waited', async () => {
    await using database = await postgres.database()
    const looks = await lookAtAll(database, () => runSql(database.url, SUDDENLY_MANY))
    const read = await readOf(database, 'receipt_lanes')
    assert.ok(read < 4 * looks * ROWS_PER_LOOK, `${read} entries of the index`)
  })

  test('ends a removed line’s receipts by the piece, also by statistics of a moment when little waited', async () => {
    await using database = await postgres.database()
    {
      await using d = await desk(database)
      await runSql(database.url, SUDDENLY_MANY)
      await d.store.removeLine({ id: d.lineId, at: 1 })
      for (let piece = 0; piece < 5; piece++) assert.ok(await d.store.endRemoved({ limit: 100, at: 2 }))
    }
    const read = await readOf(database, 'receipt_lanes')
    assert.ok(read < 6_000, `${read} entries of the index`)
  })
})

/** Receipts that wait, and statistics of a moment when few did. */
const SUDDENLY_MANY = `alter table receipts set (autovacuum_enabled = off); ${settled(20_000)}; ${waiting(60)}; analyze receipts;
  ${waiting(60_000)}`

/** How many entries of an index were read; a connection tells of it when it ends. */
async function readOf({ url }: Database, index: string): Promise<number> {
  const asked = `select idx_tup_read::int as read from pg_stat_user_indexes where indexrelname = '${index}' and idx_tup_read > 0`
  const counted = await until(
    'it to be counted',
    () => runSql<{ read: number }>(url, asked),
    ({ length }) => length > 0,
  )
  return counted[0]?.read ?? 0
}

/** Answers how many looks it takes to come through a lane that is filled like that. */
async function lookAtAll(database: Database, fill: () => Promise<unknown>): Promise<number> {
  await using d = await desk(database)
  await fill()
  let looks = 0
  for (let after: number | null = null; looks === 0 || after !== null; looks++) {
    assert.ok(looks < 20, 'it comes to no end')
    after = (await d.store.findOverdue({ lineId: d.lineId, after, at: 1 })).goOnAfter
  }
  return looks
}
