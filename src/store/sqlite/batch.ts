import type { DatabaseSync } from 'node:sqlite'
import { type ErrorCode, messageOf, ReadbackError } from '../../core/errors.ts'
import { asUnavailable } from './connection.ts'

/** One call of the store's port on its way to a worker. */
export interface Call {
  readonly name: string
  readonly argument: unknown
}

/** What became of it, on its way back: an error's class would not survive the way. */
export type Answer = { readonly value?: unknown } | { readonly refused: { code: ErrorCode; message: string } }

/** A connection with its operations, as a batch needs them. */
export interface Runner {
  readonly database: DatabaseSync
  begin(): void
  committed(): void
  rolledBack(): void
  run(name: string, argument: unknown): unknown
}

/** So many calls share a transaction at the most: what waits behind a batch must not wait long. */
const MOST_PER_BATCH = 512
/** Eight callers in halves are served no faster, for a fifth more of the processor. */
const FEW = 8

/**
 * How many of those that wait go together, where the last batch had `before`, whose callers are about to ask again. All at once, and
 * nobody is left to be served while the disk is waited for: 64 callers stayed in one batch, or in one of 10 and one of 54. Half of all
 * keeps both threads at work.
 */
export function shareOf(waiting: number, before: number): number {
  const half = Math.ceil((waiting + before) / 2)
  return Math.min(waiting, Math.max(half, FEW), MOST_PER_BATCH)
}

/**
 * Runs calls in one transaction, so that one fsync serves them all. A refusal is its caller's own: operations check before they
 * write. A store that fails fails them all, and nothing is written. Anything else is a defect in one of them: then each
 * gets a transaction to itself, so that it takes nobody along.
 */
export async function runBatch(runner: Runner, calls: readonly Call[]): Promise<Answer[]> {
  const { database } = runner
  try {
    runner.begin()
    const answers: Answer[] = []
    for (const call of calls) answers.push(await answerOf(runner, call))
    database.exec('commit')
    runner.committed()
    return answers
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    runner.rolledBack()
    const unavailable = asUnavailable(error)
    if (unavailable !== undefined) return calls.map(() => refusal(unavailable))
    if (calls.length === 1) return [refusal(new ReadbackError('internal', messageOf(error)))]
    const answers: Answer[] = []
    for (const call of calls) answers.push(...(await runBatch(runner, [call])))
    return answers
  }
}

async function answerOf(runner: Runner, { name, argument }: Call): Promise<Answer> {
  try {
    return { value: await runner.run(name, argument) }
  } catch (error) {
    if (error instanceof ReadbackError) return refusal(error)
    throw error
  }
}

function refusal({ code, message }: ReadbackError): Answer {
  return { refused: { code, message } }
}
