import type { Connector, FailedCall, WhenTold } from '../core/connector.ts'
import { messageOf, ReadbackError } from '../core/errors.ts'
import { formatId, type LineId } from '../core/id.ts'
import type { LeftLine, Line, LineSettings } from '../core/line.ts'
import type { LineStore, LineToEnrol } from '../core/store.ts'
import { BackOff } from './back-off.ts'
import type { NoteHealth } from './line-health.ts'
import type { OutboxLog } from './log.ts'

export interface EnrolmentOptions {
  readonly store: Pick<
    LineStore,
    'linesToEnrol' | 'noteEnrolled' | 'enrolAgain' | 'noteCursor' | 'getLine' | 'inboundSecret'
  >
  readonly connectors: Readonly<Record<string, Connector>>
  readonly noteHealth: NoteHealth
  readonly inboundUrl: (inboundSecret: string) => string
  readonly log: OutboxLog
  readonly now: () => number
}

/** The carrier has to be tried again, and may have said when. */
interface Failed {
  readonly retryAfterMs?: number
}

interface Tries {
  /** By the monotonic clock: where the other is set back, the carrier is not left alone for as much longer. */
  readonly backOff: BackOff
  last: Promise<WhenTold | undefined>
  /** Those that were asked for and have not begun. */
  waiting: number
  timer?: NodeJS.Timeout
}

const NOT_YET = Promise.resolve(undefined)

/** Tells carriers where to call us: when that, or a line, is new or changed, or as soon after as its carrier answers. */
export class Enrolment {
  readonly #options: EnrolmentOptions
  readonly #tries = new Map<LineId, Tries>()
  /** What is under way besides tries. */
  readonly #aside = new Set<Promise<unknown>>()
  #started = false
  #stopped = false

  constructor(options: EnrolmentOptions) {
    this.#options = options
  }

  /**
   * Goes on with those lines of this process's that an earlier one could not enrol, or enrolled elsewhere; once it is known where a
   * carrier may call. Throws when the store is away.
   */
  async start(holds: (lineId: LineId) => boolean): Promise<void> {
    this.#started = true
    await this.#enrolAll(holds)
  }

  /** These lines are this process's; another may have been asked to enrol one, and be no more. */
  async takeUp(lineIds: ReadonlySet<LineId>): Promise<void> {
    if (!this.#started) return
    try {
      await this.#enrolAll((lineId) => lineIds.has(lineId))
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'the store could not be asked for lines to enrol')
    }
  }

  /** Answers when the line was tried once, undefined where that failed. Never throws: it goes on trying by itself. */
  enrol(lineId: LineId): Promise<WhenTold | undefined> {
    const tries: Tries = this.#tries.get(lineId) ?? { backOff: new BackOff(), last: NOT_YET, waiting: 0 }
    this.#tries.set(lineId, tries)
    clearTimeout(tries.timer)
    tries.waiting += 1
    // One after another: two at once would each put its own webhook at the carrier.
    tries.last = tries.last.then(() => this.#try(lineId, tries))
    return tries.last
  }

  /** It gave what it had not brought by itself: it may have forgotten where to call. Never throws. */
  remind(lineId: LineId): Promise<WhenTold | undefined> {
    return this.#beside(this.#remind(lineId))
  }

  /** Whether this line's carrier is still to be told. */
  isTrying(lineId: LineId): boolean {
    return this.#tries.has(lineId)
  }

  /** The line was with this carrier, as it was then. Once, and nobody waits for it: a carrier that is gone need not be told. */
  leave(left: LeftLine): void {
    void this.#beside(this.#leave(left))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const { timer } of this.#tries.values()) clearTimeout(timer)
    await Promise.all(this.#aside)
    await Promise.all([...this.#tries.values()].map(({ last }) => last))
  }

  async #enrolAll(among: (lineId: LineId) => boolean): Promise<void> {
    const { store, inboundUrl } = this.#options
    for (const { line } of await store.linesToEnrol({ inboundBase: inboundUrl('') })) {
      if (among(line.id) && !this.#tries.has(line.id)) void this.enrol(line.id)
    }
  }

  #beside<T>(call: Promise<T>): Promise<T> {
    const aside = call.finally(() => this.#aside.delete(aside))
    this.#aside.add(aside)
    return aside
  }

  async #remind(lineId: LineId): Promise<WhenTold | undefined> {
    const { store, log } = this.#options
    if (!this.#started || this.#stopped || this.isTrying(lineId)) return undefined
    const tag = { line: formatId('line', lineId) }
    try {
      await store.enrolAgain({ id: lineId })
    } catch (error) {
      log.warn({ ...tag, error: messageOf(error) }, 'a carrier could not be reminded where to call')
      return undefined
    }
    const told = await this.enrol(lineId)
    if (told === 'now') log.warn(tag, 'a carrier had forgotten where to call, and was told again')
    return told
  }

  async #try(lineId: LineId, tries: Tries): Promise<WhenTold | undefined> {
    tries.waiting -= 1
    if (this.#stopped) return undefined
    const { log } = this.#options
    const startedAt = performance.now()
    let told: WhenTold | undefined
    let failed: Failed = {}
    try {
      const outcome = await this.#tell(lineId)
      if (typeof outcome === 'string') told = outcome
      else failed = outcome
    } catch (error) {
      log.warn({ line: formatId('line', lineId), error: messageOf(error) }, 'a line could not be enrolled yet')
    }
    // Forgotten here, they would not keep back who asks next.
    if (tries.waiting > 0) return told
    if (told !== undefined) {
      this.#tries.delete(lineId)
    } else if (!this.#stopped) {
      const at = performance.now()
      tries.backOff.fail({ startedAt, at, retryAfterMs: failed.retryAfterMs })
      tries.timer = setTimeout(() => void this.enrol(lineId), tries.backOff.until - at)
    }
    return told
  }

  async #tell(lineId: LineId): Promise<Failed | WhenTold> {
    const { store, inboundUrl, noteHealth, now } = this.#options
    const inboundBase = inboundUrl('')
    const [waiting] = await store.linesToEnrol({ inboundBase, id: lineId })
    if (waiting === undefined) return 'before'
    const { line, inboundSecret, before } = waiting
    const carrier = this.#options.connectors[line.connector]?.line(line)
    // First: what comes between is then fetched, and nothing from before is.
    const begun = line.catchUpCursor === null ? await carrier?.catchUp?.(null, now(), () => !this.#stopped) : undefined
    if (begun !== undefined && begun.kind !== 'done') return this.#stopped ? {} : this.#remember(line, begun)
    if (begun !== undefined) await store.noteCursor({ id: lineId, since: null, cursor: begun.cursor })
    // What is left of it is the next start's: a stop waits for no more than a call.
    if (this.#stopped) return {}
    const outcome = (await carrier?.enrol?.(inboundUrl(inboundSecret), before)) ?? { kind: 'done' }
    if (outcome.kind !== 'done') return this.#remember(line, outcome)
    const note = { id: lineId, inboundSecret, inboundBase, settings: line.settings }
    if (!(await store.noteEnrolled(note))) return this.#overtaken(waiting)
    const { told = 'before' } = outcome
    if (this.#stopped) return told
    await noteHealth(line, (await carrier?.probe?.()) ?? { status: 'ONLINE', reason: null })
    return told
  }

  /** The line was changed meanwhile, perhaps at another node, which cannot wait for us: what it took from the carrier we put back. */
  async #overtaken({ line, inboundSecret }: LineToEnrol): Promise<Failed> {
    const { store } = this.#options
    await store.enrolAgain({ id: line.id })
    this.leave({ line, inboundSecret, now: await this.#settingsNow(line.id), isAnother: false })
    return {}
  }

  /** Null where it was removed. */
  async #settingsNow(lineId: LineId): Promise<LineSettings | null> {
    try {
      return (await this.#options.store.getLine({ id: lineId })).settings
    } catch (error) {
      if (error instanceof ReadbackError && error.code === 'not_found') return null
      throw error
    }
  }

  async #leave({ line, inboundSecret, now, isAnother }: LeftLine): Promise<void> {
    const { store, connectors, inboundUrl, log } = this.#options
    const tag = { line: formatId('line', line.id) }
    try {
      // It may be about to be told where to call.
      await this.#tries.get(line.id)?.last
      // A stop waits for no more than a call.
      if (this.#stopped) return
      const left = await connectors[line.connector]?.line(line).leave?.(inboundUrl(inboundSecret), now)
      if (left === undefined) return
      if (left.kind !== 'done') {
        const { reason, detail } = left
        log.info({ ...tag, reason, detail }, 'a carrier could not be told to call no more')
        if (isAnother) await this.#shutOut(line.id)
      } else if (left.wouldCall && now !== null) {
        // The line's carrier may be the same one at another address.
        await store.enrolAgain({ id: line.id })
        await this.enrol(line.id)
      }
    } catch (error) {
      log.warn({ ...tag, error: messageOf(error) }, 'a carrier could not be left')
    }
  }

  /** Once it is back it would bring what is no longer the line's. */
  async #shutOut(lineId: LineId): Promise<void> {
    await this.#options.store.inboundSecret({ id: lineId, renew: true })
    await this.enrol(lineId)
  }

  async #remember(line: Line, failed: FailedCall): Promise<Failed> {
    const { noteHealth, log } = this.#options
    const { reason, detail } = failed
    log.info({ line: formatId('line', line.id), reason, detail }, 'a carrier could not be told where to call')
    await noteHealth(line, { status: 'OFFLINE', reason })
    return failed.kind === 'unavailable' ? failed : {}
  }
}
