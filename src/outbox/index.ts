import type { Connector, WhenTold } from '../core/connector.ts'
import type { LineId } from '../core/id.ts'
import type { LeftLine } from '../core/line.ts'
import type { Changes, Store } from '../core/store.ts'
import { Dispatcher } from './dispatcher.ts'
import { Enrolment } from './enrolment.ts'
import { Forgetting } from './forgetting.ts'
import { type NoteHealth, noteHealthIn } from './line-health.ts'
import { LineLeases } from './line-leases.ts'
import { LineWatch } from './line-watch.ts'
import type { OutboxLog } from './log.ts'
import { MendedLines } from './mended-lines.ts'
import { MessageLane } from './message-lane.ts'
import { ReceiptLane, type ReceiptLaneOptions } from './receipt-lane.ts'
import { RemovedLines } from './removed-lines.ts'
import { Verification } from './verification.ts'
import { WebhookDispatcher, type WebhookDispatcherOptions } from './webhook-dispatcher.ts'

export interface OutboxOptions {
  readonly store: Store
  readonly connectors: Readonly<Record<string, Connector>>
  /** Where a carrier is told to call us. */
  readonly inboundUrl: (inboundSecret: string) => string
  readonly catchUpIntervalMs: number
  readonly dedupeAgeMs: number
  readonly retentionMs: number
  readonly webhooks: Pick<WebhookDispatcherOptions, 'caller' | 'allow' | 'bodyOf'>
  readonly log: OutboxLog
  readonly now: () => number
}

/** All that goes on without anybody waiting for it. */
export interface RunningOutbox {
  /** There is a new receipt on this line. */
  nudge(lineId: LineId): void
  /** There is a new message for this line to send. */
  nudgeMessages(lineId: LineId): void
  /** This line was removed: what waits for it is ended. */
  lineRemoved(lineId: LineId): void
  /** A commit left work for these. */
  changed(changes: Changes): void
  /** Tells the line's carrier where to call us, or goes on trying; answers when it was tried once, undefined where that failed. */
  enrol(lineId: LineId): Promise<WhenTold | undefined>
  /** Tells the carrier that a line had to call us no more; nobody waits for it. */
  leave(left: LeftLine): void
  /** There is something to be fetched from this line's carrier. */
  catchUp(lineId: LineId, delayMs: number): void
  readonly noteHealth: NoteHealth
  /** Takes up what an earlier process left; before anybody can ask for a receipt. Throws when the store is away. */
  start(): Promise<void>
  /** Turns to the carriers; once they can call us. Throws when the store is away. */
  turnToCarriers(): Promise<void>
  /** Begins nothing more, no message's call either, and answers when what is under way is finished and written down. */
  drain(): Promise<void>
  /** Whether this process is about to end. */
  draining(): boolean
}

/** A phone that is on has a message by then, and its carrier says so. */
const DELIVERED_AFTER_MS = 2_000

export function createOutbox(options: OutboxOptions): RunningOutbox {
  let draining = false
  const parts = partsOf(options, () => draining)
  const { receipts, messages, webhooks, leases, enrolment, watch, verification, forgetting } = parts
  const { removedLines, mendedLines } = parts
  return {
    nudge: (lineId) => receipts.nudge(lineId),
    nudgeMessages: (lineId) => messages.nudge(lineId),
    lineRemoved(lineId) {
      // Their lanes end, too.
      receipts.nudge(lineId)
      messages.nudge(lineId)
      removedLines.nudge()
    },
    changed(changes) {
      webhooks.nudge(changes.endpoints)
      if (changes.missed) webhooks.lookAgain()
      leases?.changed(changes)
    },
    enrol: (lineId) => enrolment.enrol(lineId),
    leave: (left) => enrolment.leave(left),
    catchUp: (lineId, delayMs) => watch.nudge(lineId, delayMs),
    noteHealth: parts.noteHealth,
    async start() {
      await leases?.start()
      await receipts.start()
      await messages.start()
    },
    async turnToCarriers() {
      await enrolment.start((lineId) => leases?.holds(lineId) ?? true)
      watch.start()
      await webhooks.start()
      forgetting.start()
      removedLines.start()
    },
    draining: () => draining,
    async drain() {
      draining = true
      await leases?.stop()
      const others = [enrolment, watch, verification, forgetting, removedLines, mendedLines]
      await Promise.all([...others.map((one) => one.stop()), receipts.drain(), messages.drain()])
      // Last: what the others settled is told, too.
      await webhooks.drain()
      await leases?.release()
    },
  }
}

/** All who do it, each knowing of the others what it has to tell them. */
function partsOf(options: OutboxOptions, draining: () => boolean) {
  const { store, connectors, catchUpIntervalMs: everyMs, log, now } = options
  const noteHealth = noteHealthIn(store, log, now)
  const nudge = (lineId: LineId) => receipts.nudge(lineId)
  const enrolment = new Enrolment({ store, connectors, noteHealth, inboundUrl: options.inboundUrl, log, now })
  const onTaken = (lineIds: ReadonlySet<LineId>) => void enrolment.takeUp(lineIds)
  const lookAt = (lineId: LineId) => watch.nudge(lineId)
  const leases = leasesOf(options, () => ({ receipts, messages }), { onTaken, onInbound: lookAt })
  const onChanged = (lineId: LineId) => mendedLines.beginAnew(lineId)
  const watch = new LineWatch({ store, connectors, noteHealth, leases, enrolment, nudge, onChanged, everyMs, log, now })
  const verification = new Verification({ store, lookAt, log, now })
  const removedLines = new RemovedLines({ store, log, now })
  const { receipts, messages } = lanesOf(options, leases, {
    draining,
    onSent: verification.sent.bind(verification),
    lookLater: (lineId) => watch.nudge(lineId, DELIVERED_AFTER_MS),
    // A call that was under way may have left something waiting.
    onEnd: () => removedLines.nudge(),
  })
  const mendedLines = new MendedLines({ store, leases, dispatchers: [receipts, messages], log, now })
  const webhooks = new WebhookDispatcher({ ...options.webhooks, store, log, now })
  const forgetting = new Forgetting({ ...options, store, log, now })
  const others = { enrolment, watch, verification, forgetting, removedLines, mendedLines }
  return { receipts, messages, webhooks, leases, noteHealth, ...others }
}

interface Lanes {
  readonly receipts: Dispatcher
  readonly messages: Dispatcher
}

function lanesOf(
  { store, connectors, log, now }: OutboxOptions,
  leases: LineLeases | undefined,
  on: Pick<ReceiptLaneOptions, 'onSent' | 'onEnd'> & {
    readonly lookLater: (lineId: LineId) => void
    readonly draining: () => boolean
  },
) {
  const mayCall = (lineId: LineId) => leases?.mayCall(lineId) ?? true
  const toLane = (lineId: LineId, forget: () => void) => {
    const nextCallAt = () => leases?.nextCallAt(lineId) ?? Number.NEGATIVE_INFINITY
    const onEnd = () => {
      forget()
      on.onEnd()
    }
    return { store, connectors, log, now, lineId, nextCallAt, mayCall: () => mayCall(lineId), onEnd }
  }
  const receipts = new Dispatcher({
    leases,
    work: 'receipts',
    takeUp: () => store.releaseReceipts({ at: now() }),
    linesWithWork: () => store.linesWithReceipts(),
    lane: (lineId, onEnd) => new ReceiptLane({ ...toLane(lineId, onEnd), onSent: on.onSent }),
    log,
  })
  const messages = new Dispatcher({
    leases,
    work: 'messages',
    takeUp: () => store.endInterrupted({ at: now() }),
    linesWithWork: () => store.linesWithMessages(),
    lane: (lineId, onEnd) =>
      new MessageLane({
        ...toLane(lineId, onEnd),
        onSent: on.lookLater,
        // One whose file is on its way to us is left to the next start.
        mayCall: () => !on.draining() && mayCall(lineId),
      }),
    log,
  })
  return { receipts, messages }
}

/** Whichever lines are this process's, where there are others; with all that goes on for them. */
function leasesOf(
  { store, log }: Pick<OutboxOptions, 'store' | 'log'>,
  lanes: () => Lanes,
  on: {
    readonly onTaken: (lineIds: ReadonlySet<LineId>) => void
    readonly onInbound: (lineId: LineId) => void
  },
): LineLeases | undefined {
  if (store.leases === undefined) return undefined
  const each = () => Object.values(lanes())
  return new LineLeases({
    leases: store.leases,
    onTaken(lineIds) {
      for (const dispatcher of each()) dispatcher.lookAt(lineIds)
      on.onTaken(lineIds)
    },
    onNudge: (work, lineId) => (work === 'inbound' ? on.onInbound(lineId) : lanes()[work].nudge(lineId)),
    letGo: async (lineIds) => void (await Promise.all(each().map((dispatcher) => dispatcher.letGo(lineIds)))),
    log,
  })
}
