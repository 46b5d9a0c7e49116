import { type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import type { MessageId } from '../core/id.ts'
import type { Context } from './context.ts'
import type { Told } from './events.ts'
import { tellOf } from './outbound.ts'
import type { Tables } from './tables.ts'

/** Not as `is not null`, by which the planner may take another way than by the ids. */
export const IS_WAITING = sql<SqlBool>`coalesce(next_attempt_at, -1) <> -1`
export const IS_UNDER_WAY = sql<SqlBool>`status = 'QUEUED' and next_attempt_at is null`

export type MessageChange = (eb: ExpressionBuilder<Tables, 'messages'>) => object

/**
 * Writes what became of messages, and answers what there is to tell. `still`: of those alone of which that holds when it comes to them,
 * where another transaction may have ended them since they were looked at.
 */
export async function changeMessages(
  context: Context,
  ids: readonly MessageId[],
  at: number,
  change: MessageChange,
  still = sql<SqlBool>`1 = 1`,
): Promise<readonly Told[]> {
  if (ids.length === 0) return []
  const changed = await context.db
    .updateTable('messages')
    .set((eb) => ({ ...change(eb), next_attempt_at: null, updated_at: at }))
    .where('id', 'in', ids)
    .where(still)
    .returning('id')
    .execute()
  const own = changed.map(({ id }) => id)
  return tellOf(context, 'message.updated', own, at)
}
