import type { AccountId } from '../../core/id.ts'
import type { Changes } from '../../core/store.ts'
import type { Context } from '../context.ts'
import type { Answered } from '../events.ts'
import type { CallerTurns } from './caller-turns.ts'
import { recordEvents, type WebhookRow } from './events.ts'
import type { NodeLeases } from './leases.ts'
import type { Isolation, Transaction, Transactions } from './transactions.ts'

/** What the store's methods have in hand. */
export interface Tools extends Omit<Context, 'db'> {
  readonly transactions: Transactions
  readonly callers: CallerTurns
  readonly leases: NodeLeases
  readonly onChanges: (changes: Changes) => void
}

/** What a transaction answers and has to tell, and whose things changed without that being told. */
export interface Done<T> extends Answered<T> {
  readonly touched?: readonly AccountId[]
  /** Who may want to hear of it, where that was looked for beside something else. */
  readonly webhooks?: readonly WebhookRow[]
}

export function touch({ onChanges }: Pick<Tools, 'onChanges'>, touched: Changes['touched']): void {
  if (touched.length > 0) onChanges({ endpoints: [], events: false, touched })
}

export type Telling = ReturnType<typeof tellingOf>

/** Runs a transaction that has something to tell: recorded in it, and passed on once it is committed. */
export function tellingOf({ transactions, onChanges }: Pick<Tools, 'transactions' | 'onChanges'>) {
  return async <T>(
    work: (transaction: Transaction) => Promise<Done<T>>,
    isolation: Isolation = 'current',
  ): Promise<T> => {
    const { answer, changes } = await transactions.run(isolation, async (transaction) => {
      const { answer, told, touched = [], webhooks } = await work(transaction)
      const endpoints = await recordEvents(transaction, told, webhooks)
      const accounts = new Set([...touched, ...told.map(({ accountId }) => accountId)])
      return { answer, changes: { endpoints, events: told.length > 0, touched: [...accounts] } }
    })
    if (changes.events || changes.touched.length > 0) onChanges(changes)
    return answer
  }
}
