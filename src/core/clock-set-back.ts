/** What is less is soon over: PostgreSQL's clock is set by some milliseconds all the time, and calls come with times that differ. */
export const LEAST_SET_BACK_MS = 1_000

/**
 * Twice what a carrier is left alone for at the most. What is later was written before the clock was set back, and would keep a line still
 * for as long as that.
 */
export const LONGEST_LEFT_ALONE_MS = 120_000

/** Whether the clock was set back since it was `before`: whoever leaves something until a time would do so for as much longer. */
export function wasSetBack(before: number, at: number): boolean {
  return at < before - LEAST_SET_BACK_MS
}
