import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SQLITE } from '../engine.ts'
import { migrate } from '../migrations/index.ts'
import { Seal } from '../seal.ts'
import { Acceptance } from './acceptance.ts'
import { openWriter, toKysely } from './connection.ts'
import { Events } from './events.ts'
import { Joins } from './joins.ts'
import { writeOperations } from './operations.ts'
import { Recent } from './recent.ts'

/** Those that grow with use; by the names that statements give them too. */
const GROWING =
  /^SCAN (conversations|messages|seen_inbound|receipts|events|webhook_deliveries|webhook_attempts|[crsmde])\b/
/** At a start, after a claim that failed, and when an operator takes a line away: those look at all that is open. */
const SELDOM =
  /^update (receipts|webhook_deliveries) set (next_attempt_at = \? where (line_id = \? and )?state = 'sending'|state = 'skipped')/

test('every hot statement on SQLite goes by an index wherever a table grows', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'readback-test-'))
  const database = openWriter(join(folder, 'readback.db'))
  const rules = {
    auto: { plans: [], maxAgeMs: 0 },
    receiptLifetimeMs: 1,
    messageLifetimeMs: 1,
    receipts: {},
    relays: [],
    writing: {},
  }
  const session = { db: toKysely(database), seal: new Seal('0'.repeat(64)), rules, now: Date.now }
  await migrate(session.db, SQLITE)
  const prepared: string[] = []
  const prepare = database.prepare.bind(database)
  database.prepare = (sql) => {
    prepared.push(sql)
    return prepare(sql)
  }
  const [joins, recent, events] = [new Joins(database), new Recent(), new Events(database)]
  const acceptance = new Acceptance(database, session, { joins, recent, events })
  writeOperations({ database, session, acceptance, joins, recent, events, commits: () => 0 })
  const asked = prepared.filter((sql) => !SELDOM.test(sql))
  assert.ok(asked.length > 30, `${asked.length} statements`)
  const scans = asked.flatMap((sql) => {
    const steps = prepare(`explain query plan ${sql}`).all() as { detail: string }[]
    return steps.filter(({ detail }) => GROWING.test(detail)).map(({ detail }) => `${detail}: ${sql}`)
  })
  assert.deepEqual(scans, [])
  database.close()
  await rm(folder, { recursive: true, force: true })
})
