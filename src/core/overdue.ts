import type { LineId, ReceiptId } from './id.ts'
import type { Reason } from './reason.ts'

/** A look at a stretch of a lane: some thousands of receipts, and whatever is due at the same moment as the last of them. */
export interface OverdueCall {
  readonly lineId: LineId
  /** Where the look before ended, in epoch milliseconds; null begins at the front. */
  readonly after: number | null
  readonly at: number
}

/** What it found. */
export interface Overdue {
  /**
   * At most {@link OVERDUE_AT_ONCE}: a lane that stood still for long must not hold up the writer. So many of them may not be all of
   * the stretch: then the next look begins where this one did, once they are expired.
   */
  readonly receiptIds: readonly ReceiptId[]
  /** The earliest still to come in the stretch; null where there is none, or where more of it may be too late. */
  readonly nextExpiryAt: number | null
  /** Where the next look begins: when the last that was looked at is due. Null at the lane's end. */
  readonly goOnAfter: number | null
}

export const OVERDUE_AT_ONCE = 500

/** Why what waits in a lane expires untried. */
export interface Hindrance {
  /** What keeps the lane back. */
  readonly obstacle: Reason
  /** In epoch milliseconds: what was too late before had nobody to look after it, and `server_away` for its reason. */
  readonly servedFrom: number
}

/** A lane that is served is looked at within a second or two of when it is to be. */
const UNSERVED_MS = 5_000

/** As it was `before`, unless nobody came to a lane for so long after it was to be looked at (`lookAt`). */
export function servedFrom(before: number, lookAt: number, at: number): number {
  return at - lookAt > UNSERVED_MS ? at - UNSERVED_MS : before
}
