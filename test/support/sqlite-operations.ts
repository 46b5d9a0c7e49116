import { SQLITE } from '../../src/store/engine.ts'
import { migrate } from '../../src/store/migrations/index.ts'
import { Seal } from '../../src/store/seal.ts'
import { Acceptance } from '../../src/store/sqlite/acceptance.ts'
import { openWriter, toKysely } from '../../src/store/sqlite/connection.ts'
import { Events } from '../../src/store/sqlite/events.ts'
import { Joins } from '../../src/store/sqlite/joins.ts'
import { readOperations, writeOperations } from '../../src/store/sqlite/operations.ts'
import { Recent } from '../../src/store/sqlite/recent.ts'

const RULES = {
  auto: { plans: [], maxAgeMs: 0 },
  receiptLifetimeMs: 1,
  messageLifetimeMs: 1,
  receipts: {},
  relays: [],
  writing: {},
}

/** A store of its own on SQLite in this thread, where each statement that it prepares can be seen. */
export async function sqliteOperations(path: string) {
  const database = openWriter(path)
  const context = { db: toKysely(database), seal: new Seal('0'.repeat(64)), rules: RULES, now: Date.now }
  await migrate(context.db, SQLITE)
  const prepared: string[] = []
  const prepare = database.prepare.bind(database)
  database.prepare = (sql) => {
    prepared.push(sql)
    return prepare(sql)
  }
  const [joins, recent, events] = [new Joins(database), new Recent(), new Events(database)]
  const acceptance = new Acceptance(database, context, { joins, recent, events })
  return {
    database,
    /** Without being seen. */
    prepare,
    prepared: prepared as readonly string[],
    operations: writeOperations({ database, context, acceptance, joins, recent, events, commits: () => 0 }),
    reads: readOperations(context),
    [Symbol.dispose]: () => database.close(),
  }
}
