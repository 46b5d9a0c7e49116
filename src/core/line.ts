import type { AccountId, LineId } from './id.ts'
import type { PhoneNumber } from './phone-number.ts'
import type { Reason } from './reason.ts'

export type LineStatus = 'ONLINE' | 'OFFLINE' | 'DEGRADED' | 'UNKNOWN'

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
  readonly health: LineHealth
  readonly createdAt: number
}
