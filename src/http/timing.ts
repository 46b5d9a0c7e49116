import { z } from 'zod'
import type { AutoTiming } from '../core/auto-timing.ts'

/** An hour: who waits longer wants `on_reply`. */
const LONGEST_S = 3_600

const SECONDS = z.number().min(0).max(LONGEST_S)

/** `auto_mark_read_timing` [ours]: when the auto rule's receipts go. Seconds may be fractions; the jitter comes on top. */
export const TIMING = z
  .discriminatedUnion('mode', [
    z.strictObject({ mode: z.literal('on_arrival') }),
    z.strictObject({ mode: z.literal('after'), delay_s: SECONDS, jitter_s: SECONDS.default(0) }),
    z.strictObject({ mode: z.literal('on_reply') }),
  ])
  .transform((given): AutoTiming => {
    if (given.mode !== 'after') return given
    return { mode: 'after', delayMs: Math.round(given.delay_s * 1_000), jitterMs: Math.round(given.jitter_s * 1_000) }
  })

/** The same as it is answered. */
export const TIMING_ANSWER = z
  .discriminatedUnion('mode', [
    z.object({ mode: z.literal('on_arrival') }),
    z.object({ mode: z.literal('after'), delay_s: z.number(), jitter_s: z.number() }),
    z.object({ mode: z.literal('on_reply') }),
  ])
  .meta({ id: 'AutoMarkReadTiming' })
type TimingAnswer = z.output<typeof TIMING_ANSWER>

export function timingToWire(timing: AutoTiming): TimingAnswer
export function timingToWire(timing: AutoTiming | null): TimingAnswer | null
export function timingToWire(timing: AutoTiming | null): TimingAnswer | null {
  if (timing?.mode !== 'after') return timing
  return { mode: 'after', delay_s: timing.delayMs / 1_000, jitter_s: timing.jitterMs / 1_000 }
}
