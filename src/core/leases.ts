import type { LineId } from './id.ts'

/**
 * Which lines this process looks after, where several share a store. A process has a lease that it renews; a line is leased to one
 * process at a time, and free again when that one gives it back, or when its lease ends. The store's clock rules.
 */
export interface Leases {
  readonly leaseMs: number
  /** How often to renew: several times within a lease. */
  readonly everyMs: number
  /** Renews, and takes lines that nobody looks after: those wanted, and as many as make up its share. */
  hold(call: { wanted: readonly LineId[] }): Promise<Holding>
  /** Gives lines back; all of them where absent, and its place among the others. */
  release(lineIds?: readonly LineId[]): Promise<void>
  /** The line's carrier may be called at once: what it asked for to be left alone was about what the line had. */
  beginAnew(lineId: LineId): Promise<void>
  /** Tells the others that there is something of that kind to do on these lines. */
  tell(work: LineWork, lineIds: readonly LineId[]): void
}

/** What there may be to do on a line: to send, or to fetch what came in. */
export const LINE_WORK = ['receipts', 'messages', 'inbound'] as const
export type LineWork = (typeof LINE_WORK)[number]

export interface Holding {
  /** Its lines, each with the time before which its carrier must not be called. */
  readonly held: ReadonlyMap<LineId, number>
  /** Lines that others look after. */
  readonly elsewhere: ReadonlySet<LineId>
  /** How many it has beyond its share: all processes have about as many. */
  readonly surplus: number
}

/**
 * A carrier may be called for so much of a lease at the most: no call begins in the second half of one that was not renewed, so
 * that it is over before another process can begin one.
 */
export const CALL_SHARE = 0.5
