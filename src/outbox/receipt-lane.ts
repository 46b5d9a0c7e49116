import { wasSetBack } from '../core/clock-set-back.ts'
import type { Connector, Pace, ReceiptOutcome } from '../core/connector.ts'
import { type ConversationId, formatId, type LineId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import type { Reason } from '../core/reason.ts'
import {
  type Claim,
  obstacleOf,
  type Setback,
  type Settlement,
  setBack,
  settle,
  trySending,
} from '../core/send-receipt.ts'
import type { ClaimCall, Claimed, Outbox } from '../core/store.ts'
import { BackOff } from './back-off.ts'
import { Claiming } from './claiming.ts'
import { type Connected, connect } from './connect.ts'
import { Insisting } from './insisting.ts'
import type { OutboxLog } from './log.ts'
import { Sweeping } from './sweeping.ts'
import { Turns } from './turns.ts'
import type { Sent } from './verification.ts'

export interface ReceiptLaneOptions {
  readonly lineId: LineId
  readonly store: Outbox
  readonly connectors: Readonly<Record<string, Connector>>
  readonly log: OutboxLog
  readonly now: () => number
  /** The carrier must not be called before: another process had the line, perhaps while this lane lay idle. */
  readonly nextCallAt: () => number
  /** Whether the line is still this process's: after a pause it may be another's. */
  readonly mayCall: () => boolean
  /** A carrier took it. */
  readonly onSent: (sent: Sent) => void
  /** The line was removed, or is another process's. */
  readonly onEnd: () => void
}

export interface Drain {
  /** The process ends, and waits for no store that is away. */
  readonly ending: boolean
}

/**
 * Every call for a line nudges its lane, also while it is paused and has nothing to do: with a hundred such lines each call cost
 * ten times what it does otherwise.
 */
const PAUSED_REST_MS = 100

/** One line's receipts on their way: claimed when due, at the carrier's pace, one conversation each call. */
export class ReceiptLane {
  readonly #options: ReceiptLaneOptions
  #backOff = new BackOff()
  readonly #inFlight = new Map<ConversationId, Promise<void>>()
  #pace: Pace = { callsPerSecond: Number.POSITIVE_INFINITY, concurrency: 1 }
  #nextCallAt = Number.NEGATIVE_INFINITY
  #lastDoneAt = Number.NEGATIVE_INFINITY
  #restUntil = Number.NEGATIVE_INFINITY
  #steppedAt = Number.NEGATIVE_INFINITY
  #obstacle: Reason = 'pace'
  readonly #claiming: Claiming<ClaimCall, Claimed>
  readonly #insisting: Insisting
  #sweeping: Sweeping
  readonly #turns: Turns
  #gone = false
  /** Something came, or came back, since the last claim with nothing under way: behind what was, there may be more. */
  #nudged = false
  /** When the last claim was made, something else was to be claimed later. */
  #more = false

  constructor(options: ReceiptLaneOptions) {
    this.#options = options
    const { lineId, store, log, now } = options
    this.#claiming = new Claiming({
      claim: (call) => store.claimReceipts(call),
      releaseLost: () => store.releaseLost({ lineId, carried: [...this.#inFlight.keys()], at: now() }),
    })
    const unwritten = 'what became of a receipt is not written yet'
    this.#insisting = new Insisting({ complaint: unwritten, tag: this.#tag(), log })
    this.#sweeping = new Sweeping({ lineId, store, now })
    const complaint = 'a lane could not go on'
    const onIdle = () => {
      if (this.#gone && this.#inFlight.size === 0) options.onEnd()
    }
    this.#turns = new Turns({ step: () => this.#step(), onIdle, complaint, tag: this.#tag(), log, now })
  }

  nudge(): void {
    this.#nudged = true
    this.#turns.nudge()
  }

  async drain({ ending }: Drain): Promise<void> {
    if (ending) this.#insisting.end()
    await this.#turns.stop()
    await Promise.all(this.#inFlight.values())
    await this.#insisting.until(() => this.#claiming.settle())
  }

  /** Claims what may go now and sends it on its way; answers when to come again, null when only a nudge will tell. */
  async #step(): Promise<number | null> {
    const { lineId, now, nextCallAt } = this.#options
    if (wasSetBack(this.#steppedAt, now())) this.#beginAnew()
    this.#steppedAt = now()
    const sweepAt = await this.#sweeping.sweep(this.#obstacle)
    const at = now()
    const limit = this.#room()
    const allowedAt = Math.max(nextCallAt(), this.#nextCallAt, this.#backOff.until, this.#restUntil)
    if (limit === 0) return sweepAt
    if (allowedAt > at) return earliest(allowedAt, sweepAt)
    if (this.#inFlight.size === 0) this.#nudged = false
    const { line, claims, nextDueAt } = await this.#claiming.claim({
      ...{ lineId, limit, obstacle: this.#obstacle, servedFrom: this.#sweeping.servedFrom, at },
      nextCallAt: at + 1_000 / this.#pace.callsPerSecond,
    })
    this.#gone = line === undefined
    this.#more = this.#gone || nextDueAt !== null
    if (line === undefined) return null
    if (line.paused) {
      this.#obstacle = 'line_paused'
      this.#restUntil = at + PAUSED_REST_MS
    } else if (this.#obstacle === 'line_paused') this.#obstacle = 'pace'
    await this.#carryAll(line, claims)
    if (nextDueAt === null || line.paused) return sweepAt
    return earliest(Math.max(nextDueAt, this.#nextCallAt, this.#backOff.until), sweepAt)
  }

  /** As after a start: no time of before means anything any more. */
  #beginAnew(): void {
    this.#backOff = new BackOff()
    this.#sweeping = new Sweeping(this.#options)
    this.#nextCallAt = this.#lastDoneAt = this.#restUntil = Number.NEGATIVE_INFINITY
  }

  /** How many conversations may be claimed. A carrier that failed is tried with one. */
  #room(): number {
    const { callsPerSecond, concurrency } = this.#pace
    if (this.#backOff.active) return this.#inFlight.size === 0 ? 1 : 0
    const free = Math.max(0, concurrency - this.#inFlight.size)
    return Number.isFinite(callsPerSecond) ? Math.min(1, free) : free
  }

  async #carryAll(line: Line, claims: readonly Claim[]): Promise<void> {
    if (claims.length === 0) return
    const connected = await connect(line, this.#options)
    if (connected !== undefined) this.#pace = connected.pace
    if (!this.#options.mayCall()) {
      this.#claiming.forsake()
      throw new Error('the lease of the line is too old for a call')
    }
    for (const claim of claims) {
      const { id } = claim.conversation
      const carrying = this.#carry(claim, connected).then(({ state }) => {
        this.#inFlight.delete(id)
        // It is due again; when the carrier was away, only once the calls beside it are over.
        if (state === 'sending') this.#nudged = true
        // A look for what nobody waits for would cost as much as the claim itself.
        if (this.#nudged || this.#more) this.#turns.nudge()
      })
      this.#inFlight.set(id, carrying)
    }
  }

  /** Answers what was written down. */
  async #carry(claim: Claim, connected: Connected | undefined): Promise<Settlement | Setback> {
    const startedAt = this.#options.now()
    if (connected === undefined) {
      return this.#write(this.#conclude(claim, { kind: 'unavailable', reason: 'carrier_error' }, startedAt))
    }
    const { line, connector, carrier } = connected
    const obstacle = obstacleOf(claim.conversation, connector.receipts)
    if (obstacle !== null) {
      return this.#write(settle(claim, { kind: 'not_supported', reason: obstacle }, startedAt, 0))
    }
    this.#nextCallAt = Math.max(this.#nextCallAt, startedAt) + 1_000 / this.#pace.callsPerSecond
    const outcome = await trySending(carrier, claim)
    const written = await this.#write(this.#conclude(claim, outcome, startedAt))
    const [carrierMessageId] = claim.carrierMessageIds
    if (outcome.kind === 'done' && carrierMessageId !== undefined) {
      this.#options.onSent({ line, carrier, receiptIds: claim.receipts.map(({ id }) => id), carrierMessageId })
    }
    return written
  }

  #conclude(claim: Claim, outcome: ReceiptOutcome, startedAt: number): Settlement | Setback {
    const at = this.#options.now()
    if (outcome.kind !== 'done') {
      const { kind, reason, detail } = outcome
      const receipts = claim.receipts.map(({ id }) => formatId('receipt', id))
      this.#options.log.info({ ...this.#tag(), receipts, kind, reason, detail }, 'the carrier did not take a receipt')
    }
    if (outcome.kind !== 'unavailable') {
      this.#backOff.reset()
      this.#obstacle = 'pace'
      if (outcome.kind === 'done') this.#lastDoneAt = at
      return settle(claim, outcome, at, 1)
    }
    this.#obstacle = outcome.reason
    // Slow, not away.
    if (outcome.marked !== undefined) this.#backOff.reset()
    this.#backOff.fail({ startedAt, at, retryAfterMs: outcome.retryAfterMs })
    return setBack(claim, outcome, { lastDoneAt: this.#lastDoneAt, nextAttemptAt: this.#backOff.until }, at)
  }

  /** Until the store has it: a receipt that the carrier took must not be sent again because a disk was full for a minute. */
  async #write<W extends Settlement | Setback>(written: W): Promise<W> {
    await this.#insisting.until(() => this.#options.store.settleReceipts(written))
    return written
  }

  #tag() {
    return { line: formatId('line', this.#options.lineId) }
  }
}

function earliest(a: number, b: number | null): number {
  return b === null ? a : Math.min(a, b)
}
