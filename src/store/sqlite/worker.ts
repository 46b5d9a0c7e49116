import type { DatabaseSync } from 'node:sqlite'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { SQLITE } from '../engine.ts'
import { checkKey } from '../key-check.ts'
import { migrate } from '../migrations/index.ts'
import { Seal } from '../seal.ts'
import type { Session, StoreRules } from '../session.ts'
import { Acceptance } from './acceptance.ts'
import { type Call, type Runner, runBatch } from './batch.ts'
import { openReader, openWriter, toKysely } from './connection.ts'
import { lockFile } from './file-lock.ts'
import { Joins } from './joins.ts'
import { readOperations, writeOperations } from './operations.ts'

/** What a worker is started with. */
export interface WorkerStart {
  readonly role: 'writer' | 'reader'
  readonly path: string
  /** 64 hex digits. */
  readonly secretKey: string
  readonly rules: StoreRules
}

type Opened = Runner & { close(): void }

async function openForWriting({ path, secretKey, rules }: WorkerStart): Promise<Opened> {
  const lock = lockFile(path)
  const database = openWriter(path)
  const session: Session = { db: toKysely(database), seal: new Seal(secretKey), rules }
  await migrate(session.db, SQLITE)
  await checkKey(session)
  const joins = new Joins(database)
  const acceptance = new Acceptance(database, rules, joins)
  let commits = 0
  const operations = writeOperations({ database, session, acceptance, joins, commits: () => commits })
  return {
    ...runnerOf(database, operations, () => acceptance.forget()),
    begin() {
      acceptance.forget()
      joins.begin()
      commits += 1
      database.exec('begin immediate')
    },
    rolledBack: () => joins.rolledBack(),
    close() {
      database.close()
      lock.release()
    },
  }
}

function openForReading({ path, secretKey, rules }: WorkerStart): Opened {
  const database = openReader(path)
  const operations = readOperations({ db: toKysely(database), seal: new Seal(secretKey), rules })
  return {
    ...runnerOf(database, operations, () => {}),
    begin: () => database.exec('begin'),
    rolledBack() {},
    close: () => database.close(),
  }
}

/** `afterSlow`: what was read for the hot operations may have been changed by one that was not. */
function runnerOf(database: DatabaseSync, operations: object, afterSlow: () => void): Pick<Runner, 'database' | 'run'> {
  const named = new Map(Object.entries(operations) as [string, (argument: unknown) => unknown][])
  return {
    database,
    run(name, argument) {
      const outcome = named.get(name)?.(argument)
      return outcome instanceof Promise ? outcome.finally(afterSlow) : outcome
    },
  }
}

/** The thread's life: one message in for each batch, one out with its answers; `null` ends it. */
async function serve(start: WorkerStart): Promise<void> {
  const port = parentPort
  if (port === null) throw new Error('This file runs in a worker thread')
  const runner = start.role === 'writer' ? await openForWriting(start) : openForReading(start)
  port.on('message', async (message: string | null) => {
    if (message !== null) {
      const calls: readonly Call[] = JSON.parse(message)
      return port.postMessage(JSON.stringify(await runBatch(runner, calls)))
    }
    runner.close()
    port.close()
  })
  port.postMessage('[]')
}

if (!isMainThread) await serve(workerData)
