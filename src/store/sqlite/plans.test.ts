import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { dataFolder } from '../../../test/support/data-folder.ts'
import { sqliteOperations } from '../../../test/support/sqlite-operations.ts'
import type { LineId } from '../../core/id.ts'
import { SQLITE } from '../engine.ts'
import { migrate } from '../migrations/index.ts'
import { endOfLook, nextExpiry, tooLate } from '../overdue.ts'
import { openWriter, toKysely } from './connection.ts'

/** Those that grow with use; by the names that statements give them too. An automatic index is made of all the rows, each time. */
const GROWING =
  /^SCAN (conversations|messages|seen_inbound|receipts|events|webhook_deliveries|webhook_attempts|[crsmde])\b|USING AUTOMATIC/
/** At a start, and after a claim that failed: those go along the index of what is open, and read of it what is under way. */
const SELDOM = /^update receipts set next_attempt_at = \? where (line_id = \? and )?state = 'sending'/
/** Waits for its time, for a reply, or to be sent: each is found by a statement of its own. */
const REMAINS = `
  insert into lines (id, account_id, number, connector, settings, inbound_secret, inbound_secret_hash, to_enrol, paused, status,
    removed_at, created_at) values (1, 1, '+14155550101', 'simulator', '', '', '', 0, 0, 'UNKNOWN', 1, 0);
  insert into conversations (id, account_id, line_id, kind, address)
    values (1, 1, 1, 'direct', '+14155550102'), (2, 1, 1, 'direct', '+14155550103');
  insert into receipts (account_id, line_id, conversation_id, trigger, requests, requested_at, next_attempt_at, expires_at)
    values (1, 1, 1, 'api', 1, 0, 0, 9), (1, 1, 2, 'api', 1, 0, null, 9);
  insert into messages (account_id, line_id, conversation_id, carrier_message_id, part, contact, service, reaction, sent_at,
    received_at, outbound, status, next_attempt_at) values (1, 1, 1, '', 0, '', 'iMessage', 0, 0, 0, 1, 'QUEUED', 0)`

test('every hot statement on SQLite goes by an index wherever a table grows', async () => {
  await using folder = await dataFolder()
  using store = await sqliteOperations(join(folder.path, 'readback.db'))
  const { database, prepare, prepared, operations, reads } = store
  database.exec(REMAINS)
  while (await operations.endRemoved({ limit: 1, at: 2 }));
  const ended = prepare(`select count(*) as ended from events where event like '%line_removed%'`).get()
  assert.equal(ended?.ended, 3)
  // What a start asks, besides what is prepared for it; some of it again twice a minute.
  for (const name of ['linesWithReceipts', 'linesWithMessages'] as const) await reads[name](undefined)
  await reads.linesToEnrol({ inboundBase: '' })
  await reads.findDueEndpoints({ after: 0, limit: 2, by: 1 })
  const asked = prepared.filter((sql) => !SELDOM.test(sql))
  assert.ok(asked.length > 30, `${asked.length} statements`)
  const scans = asked.flatMap((sql) => {
    const steps = prepare(`explain query plan ${sql}`).all() as { detail: string }[]
    return steps.filter(({ detail }) => GROWING.test(detail)).map(({ detail }) => `${detail}: ${sql}`)
  })
  assert.deepEqual(scans, [])
})

test('a start on SQLite finds the messages that were cut off by an index of those alone', async () => {
  using store = await sqliteOperations(':memory:')
  await store.operations.endInterrupted({ at: 1 })
  const plans = store.prepared
    .filter((sql) => sql.includes('"messages"'))
    .map((sql) => store.prepare(`explain query plan ${sql}`).all() as { detail: string }[])
  assert.deepEqual(
    plans.map((steps) => steps.map(({ detail }) => detail)),
    [['SCAN messages USING INDEX messages_under_way']],
  )
})

test('a look for the overdue on SQLite goes over its own stretch of the lane, and sorts nothing', async () => {
  const database = openWriter(':memory:')
  const db = toKysely(database)
  await migrate(db, SQLITE)
  const stretch = { lineId: 1 as LineId, after: 1, upTo: 2 }
  const plans = [endOfLook(db, stretch), tooLate(db, stretch, 1), nextExpiry(db, stretch, 1)].map((query) => {
    const { sql, parameters } = query.compile()
    const steps = database.prepare(`explain query plan ${sql}`).all(...(parameters as number[])) as { detail: string }[]
    return steps.map(({ detail }) => detail)
  })
  const lane = 'INDEX receipt_lanes (line_id=? AND next_attempt_at>?'
  assert.deepEqual(plans, [
    [`SEARCH receipts USING COVERING ${lane})`],
    [`SEARCH receipts USING ${lane} AND next_attempt_at<?)`],
    [`SEARCH receipts USING ${lane} AND next_attempt_at<?)`],
  ])
  database.close()
})
