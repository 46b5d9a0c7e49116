import { formatId, type WebhookId } from '../core/id.ts'
import { toPlainText } from '../core/plain-text.ts'
import { ANSWER_KEPT, type Attempt, concludeAttempt, type Delivery } from '../core/webhook.ts'
import type { DeliveryOutbox } from '../core/webhook-store.ts'
import { type AddressRange, GUARDED, isInRanges, isOnThisMachine } from '../outgoing/address-guard.ts'
import type { HttpCaller } from '../outgoing/http-call.ts'
import { Insisting } from './insisting.ts'
import type { OutboxLog } from './log.ts'
import { signatureHeaders } from './signature.ts'
import { Turns } from './turns.ts'

export interface WebhookLaneOptions {
  readonly webhookId: WebhookId
  readonly store: DeliveryOutbox
  /** Public addresses alone, but for those allowed. */
  readonly caller: HttpCaller
  /** Where a secret may go without TLS, loopback aside. */
  readonly allow: readonly AddressRange[]
  /** What an endpoint is sent, in the words of the API. */
  readonly bodyOf: (delivery: Delivery) => object
  readonly log: OutboxLog
  readonly now: () => number
  /** How many calls it may make side by side; more than {@link SIDE_BY_SIDE} are none. */
  readonly share: () => number
  /** Whether others wait for this one's place: then it leaves when what it took is sent. */
  readonly isWaitedFor: () => boolean
  /** Nothing is to be done for this endpoint, until then; null when only a nudge will tell. */
  readonly onEnd: (nextDueAt: number | null) => void
}

/** So many calls to one endpoint are under way together: a slow one holds up its own events, and nobody else's. */
const SIDE_BY_SIDE = 32
/** Longer than any call takes: what is not settled by then was lost with its process. */
const LEASE_MS = 60_000

/** One endpoint's deliveries on their way, longest due first; several at a time, so their order is not promised. */
export class WebhookLane {
  readonly #options: WebhookLaneOptions
  readonly #inFlight = new Set<Promise<void>>()
  readonly #insisting: Insisting
  readonly #turns: Turns
  #took = false
  #nextDueAt: number | null = null
  #abandoned = false

  constructor(options: WebhookLaneOptions) {
    this.#options = options
    const { log, now } = options
    const unwritten = 'what became of a webhook is not written yet'
    this.#insisting = new Insisting({ complaint: unwritten, tag: this.#tag(), log })
    const complaint = 'the store kept webhooks from going out'
    const onIdle = () => {
      if (this.#inFlight.size === 0) options.onEnd(this.#nextDueAt)
    }
    this.#turns = new Turns({ step: () => this.#step(), onIdle, complaint, tag: this.#tag(), log, now })
  }

  nudge(): void {
    this.#turns.nudge()
  }

  async drain(): Promise<void> {
    this.#insisting.end()
    await this.#turns.stop()
    await Promise.all(this.#inFlight)
  }

  /** Calls end without their endpoint's word: the next start makes them again. */
  abandon(): void {
    this.#abandoned = true
  }

  /** Takes what is due and sends it; answers when to come again: at once, or null when a call that comes back will tell. */
  async #step(): Promise<number | null> {
    const { webhookId, store, now, share, isWaitedFor } = this.#options
    const most = Math.min(SIDE_BY_SIDE, share())
    const limit = most - this.#inFlight.size
    const at = now()
    if (limit <= 0 || (this.#took && isWaitedFor())) {
      this.#nextDueAt = at
      return null
    }
    this.#took = true
    const claimed = await store.claimDeliveries({ webhookId, limit, at, leaseUntil: at + LEASE_MS })
    for (const delivery of claimed.deliveries) {
      const sending = this.#send(delivery).finally(() => {
        this.#inFlight.delete(sending)
        this.nudge()
      })
      this.#inFlight.add(sending)
    }
    this.#nextDueAt = claimed.nextDueAt
    const { nextDueAt } = claimed
    if (nextDueAt === null || this.#inFlight.size >= most) return null
    // What comes later waits elsewhere, once nothing is under way any more.
    return nextDueAt <= at || this.#inFlight.size > 0 ? nextDueAt : null
  }

  async #send(delivery: Delivery): Promise<void> {
    const attempt = await this.#attempt(delivery)
    if (attempt.status === null && this.#abandoned) return
    const outcome = concludeAttempt(delivery, attempt, Math.random())
    const { status, obstacle } = attempt
    const tag = { ...this.#tag(), delivery: formatId('delivery', delivery.id), status, obstacle }
    if (outcome.state !== 'delivered') this.#options.log.info(tag, 'a webhook was not taken')
    let disabled = false
    await this.#insisting.until(async () => {
      disabled = await this.#options.store.settleDelivery(outcome)
    })
    if (disabled) this.#options.log.warn({ ...tag, reason: outcome.disable }, 'a webhook endpoint is disabled')
  }

  async #attempt(delivery: Delivery): Promise<Attempt> {
    const { caller, now } = this.#options
    const at = now()
    const startedAt = performance.now()
    const made = this.#make(delivery, at)
    if (made === undefined) return { at, ms: 0, status: null, obstacle: 'internal', answer: '' }
    const outcome = await caller.call({ method: 'POST', url: delivery.url, ...made })
    const base = { at, ms: Math.round(performance.now() - startedAt) }
    if (outcome.kind === 'answer') {
      const { status, text, retryAfterMs } = outcome
      return { ...base, status, obstacle: null, answer: toPlainText(text.slice(0, ANSWER_KEPT)), retryAfterMs }
    }
    return { ...base, status: null, obstacle: obstacleOf(outcome), answer: '' }
  }

  /** What goes over the wire. Never throws, since what is claimed has to be settled by somebody: undefined is an error of ours. */
  #make(delivery: Delivery, at: number): { headers: Record<string, string>; body: string } | undefined {
    const id = formatId('delivery', delivery.id)
    try {
      const body = JSON.stringify(this.#options.bodyOf(delivery))
      const headers = { ...signatureHeaders({ id, at, body }, delivery.secrets), ...this.#literalSecret(delivery) }
      return { headers, body }
    } catch (error) {
      this.#options.log.error({ ...this.#tag(), delivery: id, ...traceOf(error) }, 'a webhook could not be made')
      return undefined
    }
  }

  /** The original sends the secret itself: where others could listen, it stays at home. */
  #literalSecret({ url, secrets }: Delivery): Record<string, string> {
    const [secret] = secrets
    const safe = URL.parse(url)?.protocol === 'https:' || isOnThisMachine(url) || isInRanges(url, this.#options.allow)
    return safe && secret !== undefined ? { 'sb-signing-secret': secret } : {}
  }

  #tag() {
    return { webhook: formatId('webhook', this.#options.webhookId) }
  }
}

function obstacleOf({ reason, detail }: { reason: string; detail?: string }): Attempt['obstacle'] {
  if (detail === GUARDED) return 'forbidden_address'
  if (reason === 'timeout' || reason === 'unreachable') return reason
  return 'broken_answer'
}

/** Where it came from, and not what it says: that may quote a secret, or a contact's words. */
function traceOf(error: unknown): { error: string; trace: readonly string[] } {
  if (!(error instanceof Error)) return { error: typeof error, trace: [] }
  const lines = error.stack?.split('\n') ?? []
  return { error: error.name, trace: lines.filter((line) => /^ {4}at \S/.test(line)).map((line) => line.trim()) }
}
