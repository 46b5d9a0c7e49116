import type { DatabaseSync } from 'node:sqlite'
import { isMainThread, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Changes } from '../../core/store.ts'
import type { Context, StoreRules } from '../context.ts'
import { SQLITE } from '../engine.ts'
import { checkKey } from '../key-check.ts'
import { migrate, tellOfNewer } from '../migrations/index.ts'
import { Seal } from '../seal.ts'
import { Acceptance } from './acceptance.ts'
import { type Answer, type Call, type Runner, runBatch } from './batch.ts'
import { openReader, openWriter, toKysely } from './connection.ts'
import { Events } from './events.ts'
import { lockFile } from './file-lock.ts'
import { Joins } from './joins.ts'
import { FORGET_THEIR_OWN, readOperations, writeOperations } from './operations.ts'
import { Recent } from './recent.ts'

/** What a worker is started with. */
export interface WorkerStart {
  readonly role: 'writer' | 'reader'
  readonly path: string
  /** 64 hex digits. */
  readonly secretKey: string
  readonly rules: StoreRules
}

/** What a batch came to, on its way back. */
export interface Outcome {
  readonly answers: readonly Answer[]
  readonly changes: Changes
}

/** What it says once it has opened the store: what was out of the ordinary. */
export type WorkerReady = readonly string[]

type Opened = Runner & { readonly notices: WorkerReady; takeChanges(): Changes; close(): void }

const NO_CHANGES: Changes = { endpoints: [], events: false, touched: [] }

async function openForWriting({ path, secretKey, rules }: WorkerStart): Promise<Opened> {
  const lock = lockFile(path)
  const database = openWriter(path)
  const context: Context = { db: toKysely(database), seal: new Seal(secretKey), rules, now: Date.now }
  const newer = await migrate(context.db, SQLITE)
  await checkKey(context)
  const joins = new Joins(database)
  const events = new Events(database)
  const recent = new Recent()
  const acceptance = new Acceptance(database, context, { joins, recent, events })
  let commits = 0
  const operations = writeOperations({ database, context, acceptance, joins, recent, events, commits: () => commits })
  return {
    ...runnerOf(database, operations, {
      before: (name) => FORGET_THEIR_OWN.has(name) || recent.forgetAll(),
      afterSlow: () => acceptance.forget(),
    }),
    notices: newer.length > 0 ? [tellOfNewer(newer)] : [],
    begin() {
      acceptance.forget()
      joins.begin()
      events.begin()
      commits += 1
      database.exec('begin immediate')
    },
    committed: () => events.committed(),
    rolledBack() {
      joins.rolledBack()
      recent.forgetAll()
    },
    takeChanges: () => events.takeChanges(),
    close() {
      database.close()
      lock.release()
    },
  }
}

function openForReading({ path, secretKey, rules }: WorkerStart): Opened {
  const database = openReader(path)
  const operations = readOperations({ db: toKysely(database), seal: new Seal(secretKey), rules, now: Date.now })
  return {
    ...runnerOf(database, operations, {}),
    notices: [],
    begin: () => database.exec('begin'),
    committed() {},
    rolledBack() {},
    takeChanges: () => NO_CHANGES,
    close: () => database.close(),
  }
}

/** What hot operations remember may be changed by one that is not: `before` it, and `afterSlow`, where it took its time. */
function runnerOf(
  database: DatabaseSync,
  operations: object,
  { before, afterSlow }: { before?: (name: string) => void; afterSlow?: () => void },
): Pick<Runner, 'database' | 'run'> {
  const named = new Map(Object.entries(operations) as [string, (argument: unknown) => unknown][])
  return {
    database,
    run(name, argument) {
      before?.(name)
      const outcome = named.get(name)?.(argument)
      return outcome instanceof Promise ? outcome.finally(afterSlow) : outcome
    },
  }
}

/** So many calls share a transaction at the most: what waits behind a batch must not wait long. */
const MOST_PER_BATCH = 512

/**
 * The thread's life: batches of calls in, their answers out in the same order; `null` ends it. Group commit happens here: whatever
 * arrived while one transaction ran makes up the next.
 */
async function serve(start: WorkerStart): Promise<void> {
  const port = parentPort
  if (port === null) throw new Error('This file runs in a worker thread')
  const runner = start.role === 'writer' ? await openForWriting(start) : openForReading(start)
  const waiting: Call[] = []
  let ending = false
  let working = false
  const take = (message: string | null) => {
    if (message === null) ending = true
    else waiting.push(...(JSON.parse(message) as Call[]))
  }
  const work = async () => {
    working = true
    while (waiting.length > 0) {
      // Without waiting for the event loop to bring them one by one.
      for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port))
        take(more.message)
      const answers = await runBatch(runner, waiting.splice(0, MOST_PER_BATCH))
      port.postMessage(JSON.stringify({ answers, changes: runner.takeChanges() } satisfies Outcome))
    }
    working = false
    if (!ending) return
    runner.close()
    port.close()
  }
  port.on('message', (message: string | null) => {
    take(message)
    if (!working) void work()
  })
  port.postMessage(runner.notices)
}

if (!isMainThread) await serve(workerData)
