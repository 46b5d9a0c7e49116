import { messageOf } from '../core/errors.ts'
import type { LineId } from '../core/id.ts'
import { CALL_SHARE, type Holding, type Leases, LINE_WORK, type LineWork } from '../core/leases.ts'
import type { Changes } from '../core/store.ts'
import type { OutboxLog } from './log.ts'

export interface LineLeasesOptions {
  readonly leases: Leases
  /** These lines are this process's from here on: whatever waits there is its to send. */
  readonly onTaken: (lineIds: ReadonlySet<LineId>) => void
  /** There is something to do on a line of this process's. */
  readonly onNudge: (work: LineWork, lineId: LineId) => void
  /** Answers when nothing of these lines is under way any more; never throws. */
  readonly letGo: (lineIds: readonly LineId[]) => Promise<void>
  readonly log: OutboxLog
}

/** Which lines this process looks after among several. What is nudged elsewhere is passed on to whoever has the line. */
export class LineLeases {
  readonly #options: LineLeasesOptions
  #holding: Holding = { held: new Map(), elsewhere: new Set(), surplus: 0 }
  /** Lines that are being given back, with what came for them meanwhile. */
  readonly #leaving = new Map<LineId, Set<LineWork>>()
  /** Lines that were given back since the renewal under way began, which may still count them. */
  readonly #givenBack = new Set<LineId>()
  readonly #wanted = new Map<LineId, Set<LineWork>>()
  /** By the monotonic clock, when the last renewal was begun. */
  #renewedAt = Number.NEGATIVE_INFINITY
  #round: Promise<void> | undefined
  #again = false
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: LineLeasesOptions) {
    this.#options = options
  }

  /** Throws when the store is away. */
  async start(): Promise<void> {
    await this.#hold()
    this.#timer = setInterval(() => void this.#renew(), this.#options.leases.everyMs)
  }

  holds(lineId: LineId): boolean {
    return this.#holding.held.has(lineId) && !this.#leaving.has(lineId)
  }

  /** Its carrier must not be called before: whoever had the line had called it, or was told to wait. */
  nextCallAt(lineId: LineId): number {
    return this.#holding.held.get(lineId) ?? Number.NEGATIVE_INFINITY
  }

  /** Nobody who has the line need wait for what its carrier asked before. */
  async beginAnew(lineId: LineId): Promise<void> {
    await this.#options.leases.beginAnew(lineId)
    const { held } = this.#holding
    if (!held.has(lineId)) return
    this.#holding = { ...this.#holding, held: new Map(held).set(lineId, Number.NEGATIVE_INFINITY) }
  }

  /** Whether a call of its carrier's may begin now: after a pause the line may be another's. */
  mayCall(lineId: LineId): boolean {
    const { leaseMs } = this.#options.leases
    return this.#holding.held.has(lineId) && performance.now() - this.#renewedAt < leaseMs * CALL_SHARE
  }

  /** There is something to do on a line that this process does not hold. */
  pass(work: LineWork, lineId: LineId): void {
    const leaving = this.#leaving.get(lineId)
    if (leaving !== undefined) leaving.add(work)
    else if (this.#stopped || this.#holding.elsewhere.has(lineId)) {
      this.#options.leases.tell(work, [lineId])
    } else {
      this.#wanted.set(lineId, (this.#wanted.get(lineId) ?? new Set()).add(work))
      void this.#renew()
    }
  }

  changed({ lineIds = {}, freed = false, missed = false }: Changes): void {
    for (const work of LINE_WORK) {
      for (const lineId of lineIds[work] ?? []) if (this.holds(lineId)) this.#options.onNudge(work, lineId)
    }
    if (freed || missed) void this.#renew()
    if (missed) this.#options.onTaken(new Set(this.#holding.held.keys()))
  }

  /** Takes no more lines. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#round
  }

  /** Once nothing is under way: others may go on at once, and need not wait for the lease to end. */
  async release(): Promise<void> {
    // What is still accepted here is told to the others.
    this.#holding = { ...this.#holding, held: new Map() }
    try {
      await this.#options.leases.release()
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'the lease was not given back, and ends by itself')
    }
  }

  /** One round at a time; a want meanwhile makes another. */
  #renew(): Promise<void> {
    if (this.#round !== undefined) this.#again = true
    this.#round ??= this.#rounds().finally(() => {
      this.#round = undefined
    })
    return this.#round
  }

  async #rounds(): Promise<void> {
    do {
      this.#again = false
      try {
        await this.#hold()
      } catch (error) {
        this.#options.log.warn({ error: messageOf(error) }, 'the lease on lines could not be renewed')
      }
    } while (this.#again && !this.#stopped)
  }

  async #hold(): Promise<void> {
    if (this.#stopped) return
    const { leases, onTaken } = this.#options
    const wanted = new Map(this.#wanted)
    const before = this.#holding.held
    const begunAt = performance.now()
    this.#givenBack.clear()
    const { elsewhere, surplus, ...found } = without(this.#givenBack, await leases.hold({ wanted: [...wanted.keys()] }))
    // Lanes that were refused for a lease that had grown old have to be told that it is new again.
    const late = performance.now() - this.#renewedAt > leases.leaseMs * CALL_SHARE
    // What a lane was told since, it knows: the line's other lane is not to wait for that. It is earlier where the clock was set back.
    const known = late ? new Map<LineId, number>() : this.#holding.held
    const held = new Map(
      [...found.held].map(([lineId, nextCallAt]) => [lineId, Math.min(known.get(lineId) ?? nextCallAt, nextCallAt)]),
    )
    this.#holding = { held, elsewhere, surplus }
    this.#renewedAt = begunAt
    const taken = new Set([...held.keys()].filter((lineId) => late || !before.has(lineId)))
    if (taken.size > 0) onTaken(taken)
    for (const [lineId, works] of wanted) {
      this.#wanted.delete(lineId)
      for (const work of works) {
        if (this.holds(lineId)) this.#options.onNudge(work, lineId)
        else if (elsewhere.has(lineId)) leases.tell(work, [lineId])
        else this.#leaving.get(lineId)?.add(work)
      }
    }
    if (surplus > 0) void this.#giveBack(surplus)
  }

  /** So many lines too many: those that came last go first, each as soon as it can: one that is slow delays no other. */
  async #giveBack(surplus: number): Promise<void> {
    if (this.#leaving.size > 0) return
    const lineIds = [...this.#holding.held.keys()].slice(-surplus)
    for (const lineId of lineIds) this.#leaving.set(lineId, new Set())
    const quiet = new Set<LineId>()
    const going = new Map(lineIds.map((id) => [id, this.#options.letGo([id]).then(() => quiet.add(id))]))
    while (going.size > 0) {
      await Promise.race(going.values())
      const over = [...quiet]
      quiet.clear()
      for (const lineId of over) going.delete(lineId)
      await this.#releaseQuiet(over)
    }
  }

  async #releaseQuiet(lineIds: readonly LineId[]): Promise<void> {
    try {
      await this.#options.leases.release(lineIds)
      for (const lineId of lineIds) this.#givenBack.add(lineId)
      this.#holding = without(this.#givenBack, this.#holding)
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'lines could not be given back yet')
    } finally {
      for (const lineId of lineIds) {
        const works = this.#leaving.get(lineId) ?? []
        this.#leaving.delete(lineId)
        for (const work of works) {
          // Where it could not be given back it is still this process's; what was is not to be wanted back.
          if (this.holds(lineId)) this.#options.onNudge(work, lineId)
          else this.#options.leases.tell(work, [lineId])
        }
      }
    }
  }
}

function without(lineIds: ReadonlySet<LineId>, holding: Holding): Holding {
  return { ...holding, held: new Map([...holding.held].filter(([lineId]) => !lineIds.has(lineId))) }
}
