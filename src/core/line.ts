import type { AutoTiming } from './auto-timing.ts'
import type { AccountId, LineId } from './id.ts'
import type { PhoneNumber } from './phone-number.ts'
import type { Reason } from './reason.ts'

export const LINE_STATUSES = ['ONLINE', 'OFFLINE', 'DEGRADED', 'UNKNOWN'] as const
export type LineStatus = (typeof LINE_STATUSES)[number]

/** Whether a line's carrier can be reached, and if not wholly, why. */
export interface LineHealth {
  readonly status: LineStatus
  readonly reason: Reason | null
}

/** What a connector needs to reach its carrier. Only the connector that parsed them looks inside. */
export type LineSettings = Readonly<Record<string, unknown>>

/** One of an account's own numbers, and the connector that carries for it. */
export interface Line {
  readonly id: LineId
  readonly accountId: AccountId
  readonly number: PhoneNumber
  readonly connector: string
  readonly settings: LineSettings
  /** A paused line takes inbound and requests; its receipts wait until it goes on, or expire. */
  readonly paused: boolean
  /** Null where the account's holds. */
  readonly autoTiming: AutoTiming | null
  readonly health: LineHealth
  /** Since when its status is that, whatever the reason; null until its carrier was asked. */
  readonly healthSince: number | null
  /** How many receipts in a row the carrier took and then did not show as read. */
  readonly unverified: number
  /** How far the carrier's messages were fetched; opaque to all but its connector. Null until it was enrolled. */
  readonly catchUpCursor: string | null
  readonly createdAt: number
}

/** A line as it was when it left its carrier, and what it has now; null where it was removed. */
export interface LeftLine {
  readonly line: Line
  readonly inboundSecret: string
  readonly now: LineSettings | null
  /** What it has now had to be told where to call: it is not the same carrier at another address. */
  readonly isAnother: boolean
}

/** So many unverified receipts in a row are no accident. */
const MOST_UNVERIFIED = 20

/** What a line is, from what its carrier says and what came of its receipts. */
export function healthOf(probed: LineHealth, unverified: number): LineHealth {
  if (probed.status !== 'ONLINE' || unverified < MOST_UNVERIFIED) return probed
  return { status: 'DEGRADED', reason: 'unverified' }
}
