import type { CarrierLine, CaughtUp, Connector } from '../core/connector.ts'
import { messageOf, ReadbackError } from '../core/errors.ts'
import { formatId, type LineId } from '../core/id.ts'
import { healthOf, type Line } from '../core/line.ts'
import { noteNews } from '../core/note-news.ts'
import { noteReplies } from '../core/note-replies.ts'
import { receiveInbound } from '../core/receive-inbound.ts'
import type { Store } from '../core/store.ts'
import { BackOff } from './back-off.ts'
import type { Enrolment } from './enrolment.ts'
import type { NoteHealth } from './line-health.ts'
import type { LineLeases } from './line-leases.ts'
import type { OutboxLog } from './log.ts'

export interface LineWatchOptions {
  readonly store: Pick<
    Store,
    'listLines' | 'getLine' | 'storeInbound' | 'noteReplies' | 'noteNews' | 'noteTyping' | 'noteCursor'
  >
  readonly connectors: Readonly<Record<string, Connector>>
  readonly noteHealth: NoteHealth
  /** Absent where every line is this process's. */
  readonly leases: Pick<LineLeases, 'holds' | 'pass'> | undefined
  /** Takes up lines whose carriers have to be told where to call us; until one was, that says how it is, whatever a probe finds. */
  readonly enrolment: Pick<Enrolment, 'takeUp' | 'isTrying' | 'remind'>
  /** Tells a line's lane that there is a receipt. */
  readonly nudge: (lineId: LineId) => void
  /** This line has other settings than when it was looked at before. */
  readonly onChanged: (lineId: LineId) => void
  /** How often each line is looked at. */
  readonly everyMs: number
  readonly log: OutboxLog
  readonly now: () => number
}

/** A line that is well is asked after less often than it is fetched from. */
const PROBE_MS = 60_000
/** What is fetched may be there before the hook that brings it: a carrier that is well is reminded in vain, and so not often. */
const REMIND_MS = 600_000

/** Its times are the monotonic clock's: where the other is set back, a line is not left alone for as much longer. */
interface Look {
  backOff: BackOff
  /** The settings that it went by. */
  by?: string
  under?: Promise<void>
  again?: boolean
  /** When the timer comes, and the latest for which a look was asked. */
  timer?: { readonly at: number; readonly timeout: NodeJS.Timeout }
  askedFor: number
  probedAt: number
  /** When its carrier may be reminded where to call. */
  remindFrom: number
}

/** Looks after lines: fetches what no hook brought, and asks their carriers how they are. */
export class LineWatch {
  readonly #options: LineWatchOptions
  readonly #looks = new Map<LineId, Look>()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: LineWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => void this.#round(), this.#options.everyMs)
    void this.#round()
  }

  /** Something is to be fetched for this line, or something may be wrong with it. What is asked for later puts off nothing. */
  nudge(lineId: LineId, delayMs = 0): void {
    if (!this.#holds(lineId)) this.#options.leases?.pass('inbound', lineId)
    if (this.#stopped || !this.#holds(lineId)) return
    const look = this.#lookOf(lineId)
    const at = performance.now() + delayMs
    look.askedFor = Math.max(look.askedFor, at)
    if (look.timer !== undefined && look.timer.at <= at) return
    clearTimeout(look.timer?.timeout)
    const come = () => {
      // A timer counts from the beginning of its turn, and so it may come too soon: by milliseconds where that was busy.
      if (performance.now() < at) return wait()
      delete look.timer
      const leftMs = look.askedFor - at
      if (leftMs > 0) this.nudge(lineId, leftMs)
      void this.#lookAtOne(lineId)
    }
    const wait = () => {
      look.timer = { at, timeout: setTimeout(come, Math.ceil(at - performance.now())) }
    }
    wait()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    for (const { timer } of this.#looks.values()) clearTimeout(timer?.timeout)
    await Promise.all([...this.#looks.values()].map(({ under }) => under))
  }

  #holds(lineId: LineId): boolean {
    return this.#options.leases?.holds(lineId) ?? true
  }

  /** All lines, as the store has them now: their settings may have changed. */
  async #round(): Promise<void> {
    try {
      const lines = (await this.#options.store.listLines()).filter(({ id }) => this.#holds(id))
      for (const line of lines) this.#look(line)
      const ids = new Set(lines.map(({ id }) => id))
      void this.#options.enrolment.takeUp(ids)
      for (const id of this.#looks.keys()) if (!ids.has(id)) this.#looks.delete(id)
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'the store could not be asked for lines')
    }
  }

  async #lookAtOne(lineId: LineId): Promise<void> {
    if (!this.#holds(lineId)) return
    try {
      this.#look(await this.#options.store.getLine({ id: lineId }))
    } catch (error) {
      // One that was removed meanwhile is forgotten with the next round.
      if (error instanceof ReadbackError && error.code === 'not_found') return
      this.#options.log.warn({ error: messageOf(error) }, 'the store could not be asked for a line')
    }
  }

  #lookOf(lineId: LineId): Look {
    const look = this.#looks.get(lineId) ?? {
      backOff: new BackOff(),
      askedFor: Number.NEGATIVE_INFINITY,
      probedAt: Number.NEGATIVE_INFINITY,
      remindFrom: Number.NEGATIVE_INFINITY,
    }
    this.#looks.set(lineId, look)
    return look
  }

  /** One look at a time for each line; a nudge meanwhile makes another. */
  #look(line: Line): void {
    const look = this.#lookOf(line.id)
    if (look.under !== undefined) look.again = true
    if (this.#stopped || look.under !== undefined) return
    look.under = this.#tend(line, look)
      .catch((error: unknown) => {
        const tag = { line: formatId('line', line.id), error: messageOf(error) }
        this.#options.log.warn(tag, 'a line could not be looked after')
      })
      .finally(() => {
        delete look.under
        if (look.again) this.nudge(line.id)
        look.again = false
      })
  }

  async #tend(line: Line, look: Look): Promise<void> {
    const carrier = this.#options.connectors[line.connector]?.line(line)
    const by = JSON.stringify(line.settings)
    // What kept it from the carrier may be mended, or the carrier another one.
    if (look.by !== by) Object.assign(look, { backOff: new BackOff(), remindFrom: Number.NEGATIVE_INFINITY })
    if (look.by !== undefined && look.by !== by) this.#options.onChanged(line.id)
    look.by = by
    if (carrier === undefined || look.backOff.until > performance.now()) return
    const well = await this.#catchUp(line, carrier, look)
    const { status } = healthOf(line.health, line.unverified)
    if (this.#stopped) return
    if (this.#options.enrolment.isTrying(line.id)) return
    if (well && status === 'ONLINE' && performance.now() - look.probedAt < PROBE_MS) return
    look.probedAt = performance.now()
    const probed = await carrier.probe?.()
    if (probed !== undefined) await this.#options.noteHealth(line, probed)
  }

  /** Until there is no more; false where the carrier gave nothing. */
  async #catchUp(line: Line, carrier: CarrierLine, look: Look): Promise<boolean> {
    const { now, log } = this.#options
    // Its enrolment says where it begins: a second beginning, a little later, would pass over what came between.
    if (line.catchUpCursor === null) return true
    for (let cursor = line.catchUpCursor; carrier.catchUp !== undefined && !this.#stopped; ) {
      const startedAt = performance.now()
      const caught = await carrier.catchUp(cursor, now(), () => !this.#stopped)
      if (caught.kind !== 'done') {
        log.info(
          { line: formatId('line', line.id), reason: caught.reason, detail: caught.detail },
          'nothing was fetched',
        )
        const retryAfterMs = caught.kind === 'unavailable' ? caught.retryAfterMs : undefined
        look.backOff.fail({ startedAt, at: performance.now(), retryAfterMs })
        return false
      }
      look.backOff.reset()
      if (await this.#take(line, cursor, caught)) this.#remind(line.id, look)
      cursor = caught.cursor
      if (caught.comeBackMs !== null && caught.comeBackMs > 0) this.nudge(line.id, caught.comeBackMs)
      if (caught.comeBackMs !== 0) break
    }
    return true
  }

  /** Nobody waits for it: a carrier may give what it has and hang on this. */
  #remind(lineId: LineId, look: Look): void {
    const at = performance.now()
    if (at < look.remindFrom) return
    look.remindFrom = at + REMIND_MS
    const { by } = look
    void this.#options.enrolment.remind(lineId).then((told) => {
      if (told === 'never' && look.by === by) look.remindFrom = Number.POSITIVE_INFINITY
    })
  }

  /**
   * Stored first, then remembered as fetched: what is fetched twice is stored once, what is forgotten is lost. Answers whether there was
   * something that no hook had brought.
   */
  async #take(line: Line, since: string, caught: CaughtUp): Promise<boolean> {
    const { messages, replies, news, carrierNow, cursor, refused, warning } = caught
    const { store, nudge, now, log } = this.#options
    const tag = { line: formatId('line', line.id) }
    if (warning !== undefined) log.warn(tag, warning)
    for (const reason of refused) log.warn({ ...tag, reason }, 'a message that was fetched was refused')
    const receivedAt = now()
    const arrivals = messages.map((message) => ({
      lineId: line.id,
      message,
      receivedAt,
      carrierNow: carrierNow ?? receivedAt,
    }))
    const stored = await receiveInbound(store, nudge, arrivals)
    await noteReplies(store, nudge, { lineId: line.id, replies, at: receivedAt })
    await noteNews(store, { news }, { lineId: line.id, at: receivedAt })
    if (cursor !== since) await store.noteCursor({ id: line.id, since, cursor })
    return stored.some(({ repeated }) => !repeated)
  }
}
