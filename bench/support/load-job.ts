/** What the parent asks of the load client, and what comes back: plain data, over IPC. */
export interface LoadJob {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly from: string
  /** Requests are spread over so many contacts. */
  readonly contacts: number
  /** The first of them, and how far each is from the one before; without it they are the first there are. */
  readonly among?: { readonly first: number; readonly step: number }
  readonly connections: number
  /** So long is measured; without it, until each contact has been asked for once. */
  readonly seconds?: number | undefined
  readonly seed: number
}

export interface LoadResult {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly answers: number
  /** How many answers had which status. */
  readonly statuses: Readonly<Record<string, number>>
  readonly connectionErrors: number
  /** Processor cores the client itself used: near 1, and it is the client that was measured. */
  readonly clientCores: number
}

export type LoadReply = { readonly result: LoadResult } | { readonly failure: string }

/** Left out before measuring starts: connections open, and the first answers waited for the client to be set up. */
export const RAMP_S = 0.5
