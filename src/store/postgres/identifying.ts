import type { Credentials } from '../../core/account.ts'
import type { Caller } from '../../core/caller.ts'
import { ReadbackError } from '../../core/errors.ts'
import { identify } from '../accounts.ts'
import type { Context } from '../context.ts'
import type { Identify } from '../semaphore.ts'
import { Batches } from './batches.ts'
import type { Transactions } from './transactions.ts'

/** Whose credentials are, on one connection however many ask: those that are nobody's must not take the pool. */
export function identifying(transactions: Transactions, context: Omit<Context, 'db'>): Identify {
  const batches = new Batches<{ credentials: Credentials }, Caller>((calls) =>
    transactions.run('none', ({ db }) =>
      Promise.all(calls.map((call) => identify({ ...context, db }, call).catch(onlyRefused))),
    ),
  )
  return (call) => batches.call(call)
}

function onlyRefused(error: unknown): ReadbackError {
  if (error instanceof ReadbackError) return error
  throw error
}
