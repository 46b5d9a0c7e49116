/** What is less is soon over: PostgreSQL's clock is set by some milliseconds all the time, and calls come with times that differ. */
export const LEAST_SET_BACK_MS = 1_000

/** Whether the clock was set back since it was `before`: whoever leaves something until a time would do so for as much longer. */
export function wasSetBack(before: number, at: number): boolean {
  return at < before - LEAST_SET_BACK_MS
}
