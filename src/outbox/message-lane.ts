import { wasSetBack } from '../core/clock-set-back.ts'
import type { CarrierLine } from '../core/connector.ts'
import { messageOf } from '../core/errors.ts'
import { formatId, type LineId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import { servedFrom } from '../core/overdue.ts'
import type { Reason } from '../core/reason.ts'
import {
  type ClaimedMessage,
  concludeMessage,
  LINE_LEFT,
  type MessageCall,
  type MessageOutbox,
  type MessageOutcome,
  type MessageSettlement,
  setMessageBack,
} from '../core/sending.ts'
import { BackOff } from './back-off.ts'
import { Claiming } from './claiming.ts'
import { connect } from './connect.ts'
import { Insisting } from './insisting.ts'
import type { Drain, ReceiptLaneOptions } from './receipt-lane.ts'
import { Turns } from './turns.ts'

export interface MessageLaneOptions extends Omit<ReceiptLaneOptions, 'store' | 'onSent'> {
  readonly store: MessageOutbox
  /** A carrier took one, and can be asked what became of it. */
  readonly onSent: (lineId: LineId) => void
}

/** One line's messages on their way: one at a time, in the order in which they were accepted, at the carrier's pace. */
export class MessageLane {
  readonly #options: MessageLaneOptions
  #backOff = new BackOff()
  readonly #claiming: Claiming<Parameters<MessageOutbox['claimMessage']>[0], ClaimedMessage>
  readonly #insisting: Insisting
  readonly #turns: Turns
  #nextCallAt = Number.NEGATIVE_INFINITY
  #steppedAt = Number.NEGATIVE_INFINITY
  /** Between two calls; unknown until the first. */
  #paceMs = 0
  #obstacle: Reason = 'pace'
  #lookAt = Number.NEGATIVE_INFINITY
  #servedFrom = 0
  #gone = false

  constructor(options: MessageLaneOptions) {
    this.#options = options
    const { lineId, store, log, now } = options
    this.#claiming = new Claiming({
      claim: (call) => store.claimMessage(call),
      releaseLost: () => store.releaseLostMessage({ lineId, at: now() }),
    })
    const unwritten = 'what became of a message is not written yet'
    this.#insisting = new Insisting({ complaint: unwritten, tag: this.#tag(), log })
    const complaint = 'a line could not go on writing'
    const step = async () => {
      const lookAt = await this.#step()
      this.#lookAt = lookAt ?? Number.POSITIVE_INFINITY
      return lookAt
    }
    const onIdle = () => {
      if (this.#gone) options.onEnd()
    }
    this.#turns = new Turns({ step, onIdle, complaint, tag: this.#tag(), log, now })
  }

  nudge(): void {
    this.#turns.nudge()
  }

  async drain({ ending }: Drain): Promise<void> {
    if (ending) this.#insisting.end()
    await this.#turns.stop()
    await this.#insisting.until(() => this.#claiming.settle())
  }

  /** Sends the oldest if it may go; answers when to come again, null when only a nudge will tell. */
  async #step(): Promise<number | null> {
    const { lineId, now } = this.#options
    const at = now()
    if (wasSetBack(this.#steppedAt, at)) {
      this.#backOff = new BackOff()
      this.#nextCallAt = Number.NEGATIVE_INFINITY
    }
    this.#steppedAt = at
    const allowedAt = Math.max(this.#options.nextCallAt(), this.#nextCallAt, this.#backOff.until)
    const ready = allowedAt <= at
    const nextCallAt = ready ? at + this.#paceMs : at
    this.#servedFrom = servedFrom(this.#servedFrom, this.#lookAt, at)
    const hindrance = { obstacle: this.#obstacle, servedFrom: this.#servedFrom }
    const claimed = await this.#claiming.claim({ lineId, ready, ...hindrance, nextCallAt, at })
    const { line, call, nextDueAt, nextExpiryAt } = claimed
    this.#gone = line === undefined
    if (line === undefined) return null
    if (line.paused) this.#obstacle = 'line_paused'
    else if (this.#obstacle === 'line_paused') this.#obstacle = 'pace'
    if (call !== null) {
      await this.#send(line, call)
      return now()
    }
    if (nextDueAt === null || nextExpiryAt === null) return null
    return line.paused ? nextExpiryAt : Math.min(Math.max(nextDueAt, allowedAt), nextExpiryAt)
  }

  async #send(line: Line, call: MessageCall): Promise<void> {
    const { now, log, onSent } = this.#options
    const startedAt = now()
    const connected = await connect(line, this.#options)
    const carrier = connected?.carrier
    if (connected !== undefined) {
      this.#paceMs = 1_000 / connected.pace.callsPerSecond
      this.#nextCallAt = Math.max(this.#nextCallAt, now()) + this.#paceMs
    }
    const outcome = await trySending(carrier, call, this.#options.mayCall)
    const at = now()
    if (outcome.kind !== 'sent') {
      const { kind, detail } = outcome
      const reason = 'reason' in outcome ? outcome.reason : 'outcome_unknown'
      const tag = { ...this.#tag(), message: formatId('message', call.id), kind, reason, detail }
      log.info(tag, 'the carrier did not take a message')
    }
    if (outcome.kind === 'unavailable') {
      this.#obstacle = outcome.reason
      this.#backOff.fail({ startedAt, at, retryAfterMs: outcome.retryAfterMs })
      return this.#write(setMessageBack(call, outcome, this.#backOff.until, at))
    }
    // Whoever leaves one in doubt would leave all that wait so, one after the other.
    const inDoubt = outcome.kind === 'unknown'
    if (inDoubt) this.#backOff.fail({ startedAt, at })
    else this.#backOff.reset()
    this.#obstacle = inDoubt ? 'carrier_error' : 'pace'
    await this.#write(concludeMessage(call, outcome, at))
    if (outcome.kind === 'sent' && carrier?.catchUp !== undefined) onSent(line.id)
  }

  /** Until the store has it: what was sent must not be told as lost because a disk was full for a minute. */
  #write(written: MessageSettlement): Promise<void> {
    return this.#insisting.until(() => this.#options.store.settleMessage(written))
  }

  #tag() {
    return { line: formatId('line', this.#options.lineId) }
  }
}

/** One try. Where a connector throws in spite of its port, nobody knows how far it came. */
async function trySending(
  carrier: CarrierLine | undefined,
  call: MessageCall,
  mayCall: () => boolean,
): Promise<MessageOutcome> {
  if (carrier === undefined) return { kind: 'unavailable', reason: 'carrier_error' }
  if (!mayCall()) return LINE_LEFT
  try {
    return (await carrier.sendMessage?.(call, mayCall)) ?? { kind: 'not_supported', reason: 'service_not_supported' }
  } catch (error) {
    return { kind: 'unknown', detail: messageOf(error) }
  }
}
