import type { Kysely } from 'kysely'
import type { LineId } from '../core/id.ts'
import { OVERDUE_AT_ONCE, type Overdue, type OverdueCall } from '../core/overdue.ts'
import type { Context } from './context.ts'
import type { Tables } from './tables.ts'

/** A lane of a million is walked in 150 ms on SQLite and 230 on PostgreSQL; so many of it in 1 and 4. */
export const ROWS_PER_LOOK = 5_000

/** A stretch of a lane, by when its receipts are due. */
interface Stretch {
  readonly lineId: LineId
  readonly after: number
  readonly upTo: number
}

/**
 * From one moment up to another, all that is due in between: only so can a look be left and taken up again wherever receipts are
 * due at the same moment, since an index cannot be entered among those. They are few: what was asked for in one millisecond, or
 * came in one page of a carrier's.
 */
export async function findOverdue({ db }: Context, { lineId, after, at }: OverdueCall): Promise<Overdue> {
  const begin = after ?? Number.MIN_SAFE_INTEGER
  const last = await endOfLook(db, { lineId, after: begin }).executeTakeFirst()
  const stretch = { lineId, after: begin, upTo: last?.at ?? Number.MAX_SAFE_INTEGER }
  const overdue = await tooLate(db, stretch, at).execute()
  const receiptIds = overdue.map(({ id }) => id)
  // Of a million that are too late the earliest of the others is not looked for time and again.
  if (receiptIds.length === OVERDUE_AT_ONCE) return { receiptIds, nextExpiryAt: null, goOnAfter: after }
  const next = await nextExpiry(db, stretch, at).executeTakeFirst()
  return { receiptIds, nextExpiryAt: next?.at ?? null, goOnAfter: last?.at ?? null }
}

/** Undefined where the lane ends before. In the index's order, so that it stops there. */
export function endOfLook(db: Kysely<Tables>, behind: Omit<Stretch, 'upTo'>) {
  return waiting(db, behind)
    .select('next_attempt_at as at')
    .orderBy('next_attempt_at')
    .offset(ROWS_PER_LOOK - 1)
    .limit(1)
}

export function tooLate(db: Kysely<Tables>, stretch: Stretch, at: number) {
  return waiting(db, stretch)
    .where('next_attempt_at', '<=', stretch.upTo)
    .select('id')
    .where('expires_at', '<=', at)
    .limit(OVERDUE_AT_ONCE)
}

export function nextExpiry(db: Kysely<Tables>, stretch: Stretch, at: number) {
  return waiting(db, stretch)
    .where('next_attempt_at', '<=', stretch.upTo)
    .select((eb) => eb.fn.min('expires_at').as('at'))
    .where('expires_at', '>', at)
}

/** Whatever is later than something is not null: the index of lanes has nothing else. */
function waiting(db: Kysely<Tables>, { lineId, after }: Omit<Stretch, 'upTo'>) {
  return db.selectFrom('receipts').where('line_id', '=', lineId).where('next_attempt_at', '>', after)
}
