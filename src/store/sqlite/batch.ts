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
