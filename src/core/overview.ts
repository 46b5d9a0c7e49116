import type { LineStatus } from './line.ts'
import type { Receipt, SettledState } from './receipt.ts'

const MINUTE_MS = 60_000
/** Each bucket is so much wider than the one before: a percentile read from them is off by a tenth at the most. */
const STEP = 1.2
/** An hour and more is all one. */
const LAST_BUCKET = 83

/** The minute that a time falls into, counted from the epoch. */
export function minuteOf(at: number): number {
  return Math.floor(at / MINUTE_MS)
}

/** What a duration is counted under. */
export function bucketOf(ms: number): number {
  return Math.min(LAST_BUCKET, Math.floor(Math.log(Math.max(0, ms) + 1) / Math.log(STEP)))
}

/** How long what is counted there took, more or less. */
function msOf(bucket: number): number {
  return Math.round(STEP ** (bucket + 0.5) - 1)
}

/** So many receipts of a minute came to that, after so long. */
export interface Tally {
  readonly minute: number
  readonly state: SettledState
  readonly bucket: number
  readonly receipts: number
}

/** How long the share `p` of what was sent took at the most; null where nothing was. */
export function percentile(tallies: readonly Tally[], p: number): number | null {
  const sent = tallies.filter(({ state }) => state === 'sent').sort((a, b) => a.bucket - b.bucket)
  const wanted = p * sent.reduce((sum, { receipts }) => sum + receipts, 0)
  let counted = 0
  for (const { bucket, receipts } of sent) {
    counted += receipts
    if (counted >= wanted) return msOf(bucket)
  }
  return null
}

/** What an account's receipts came to lately. */
export interface Overview {
  readonly tallies: readonly Tally[]
  /** Waiting or on their way; {@link MOST_COUNTED} stands for that many and more. */
  readonly open: number
  /** The newest that did not go out. */
  readonly failures: readonly Receipt[]
  /** How many do how: of each status that one has. */
  readonly lines: readonly { readonly status: LineStatus; readonly lines: number }[]
}

export const MOST_COUNTED = 10_000
