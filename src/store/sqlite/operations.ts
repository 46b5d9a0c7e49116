import type { DatabaseSync } from 'node:sqlite'
import type { ReceiptId } from '../../core/id.ts'
import type { Store } from '../../core/store.ts'
import type { Context } from '../context.ts'
import { redeliver, testWebhook } from '../deliveries.ts'
import type { Answered, Nudging, Told } from '../events.ts'
import { noteHealth } from '../lines.ts'
import {
  claimMessage,
  endInterrupted,
  endRemovedMessages,
  releaseLostMessage,
  settleMessage,
} from '../message-lanes.ts'
import { noteNews } from '../message-news.ts'
import { noteTyping, sendMessage } from '../outbound.ts'
import { type Bound, bind, COLD_WRITES, READS, SEEN_BY_ALL } from '../queries.ts'
import { findRemains, linesToLookThrough, linesWithRemains } from '../removed-lines.ts'
import { addWebhooks, removeWebhooks, replaceWebhooks } from '../webhooks.ts'
import type { Acceptance } from './acceptance.ts'
import { Deliveries } from './deliveries.ts'
import type { Events } from './events.ts'
import { Inbound } from './inbound.ts'
import type { Joined, Joins } from './joins.ts'
import { LaneStore } from './outbox.ts'
import type { Recent } from './recent.ts'

/** The store's methods as a worker runs them: plain data in and out; the hot ones answer at once. */
type Operations = {
  readonly [Name in Exclude<keyof Store, 'close' | 'now' | 'leases' | 'tellOfTyping'>]: (
    argument: Parameters<Store[Name]>[0],
  ) => Awaited<ReturnType<Store[Name]>> | Promise<Awaited<ReturnType<Store[Name]>>>
}

const HOT_WRITES = [
  'markRead',
  'storeInbound',
  'claimReceipts',
  'settleReceipts',
  'expireReceipts',
  'releaseReceipts',
  'releaseLost',
  'claimDeliveries',
  'settleDelivery',
  'releaseDeliveries',
  'redeliver',
  'testWebhook',
  'addWebhooks',
  'removeWebhooks',
  'replaceWebhooks',
  'noteHealth',
  'endRemoved',
  'sendMessage',
  'claimMessage',
  'settleMessage',
  'endInterrupted',
  'releaseLostMessage',
  'noteNews',
  'noteTyping',
  'ready',
  'durability',
] as const

export type Read = keyof typeof READS
export type Write = keyof typeof COLD_WRITES | (typeof HOT_WRITES)[number]

/**
 * They forget the conversations that they change, or change none. Whatever else is written may concern any: then none is remembered.
 */
export const FORGET_THEIR_OWN: ReadonlySet<string> = new Set<Write | keyof Overlay>([
  ...(['markRead', 'storeInbound', 'claimReceipts', 'settleReceipts', 'findJoined', 'ready', 'durability'] as const),
  ...(['claimDeliveries', 'settleDelivery', 'takeFailure', 'reachPhone', 'showRead'] as const),
])

export const READ_NAMES = Object.keys(READS) as readonly Read[]
export const WRITE_NAMES = [...(Object.keys(COLD_WRITES) as (keyof typeof COLD_WRITES)[]), ...HOT_WRITES]

export function readOperations(context: Context): Pick<Operations, Read> {
  return bind(READS, context)
}

export interface Writing {
  readonly database: DatabaseSync
  readonly context: Context
  readonly acceptance: Acceptance
  readonly joins: Joins
  readonly recent: Recent
  readonly events: Events
  /** The number of transactions so far. */
  readonly commits: () => number
}

export function writeOperations(writing: Writing): Pick<Operations, Write> & Overlay {
  const { database, context, acceptance, joins, recent, events, commits } = writing
  const inbound = new Inbound(database, context.rules, { acceptance, recent, events })
  const lanes = new LaneStore(database, context, { joins, recent, events })
  const deliveries = new Deliveries(database, context, events)
  return {
    ...coldWrites(context, events),
    ...tellingWrites(context, events),
    markRead: (call) => acceptance.markRead(call),
    storeInbound: (arrivals) => inbound.storeInbound(arrivals),
    claimReceipts: (call) => lanes.claimReceipts(call),
    settleReceipts: (settlement) => lanes.settleReceipts(settlement),
    expireReceipts: (call) => lanes.expireReceipts(call),
    releaseReceipts: (call) => lanes.releaseReceipts(call),
    releaseLost: (call) => lanes.releaseLost(call),
    claimDeliveries: (call) => deliveries.claimDeliveries(call),
    settleDelivery: (outcome) => deliveries.settleDelivery(outcome),
    releaseDeliveries: (call) => deliveries.releaseDeliveries(call),
    async endRemoved(piece) {
      const remains = await nextRemains(context, piece)
      if (remains === undefined) return false
      lanes.skipReceipts({ receiptIds: remains.receiptIds, at: piece.at })
      record(events, await endRemovedMessages(context, { messageIds: remains.messageIds, at: piece.at }))
      return true
    },
    releaseLostMessage: (call) => releaseLostMessage(context, call),
    // On a full disk a transaction begins all the same. This writes a page, whatever the number was, and nobody asks for it.
    ready: () => database.exec('pragma user_version = 1'),
    durability: () => ({ ...pragmas(database), commits: commits(), accepted: acceptance.accepted }),
    findJoined: (ids) => ids.map((id) => joins.find(id) ?? null),
  }
}

/** Queries that engines share, and that have something to tell, or leave something for an endpoint. */
function tellingWrites(context: Context, events: Events) {
  const tell = <A>({ answer, told }: Answered<A>): A => {
    record(events, told)
    return answer
  }
  const nudge = <A>({ answer, endpoints }: Nudging<A>): A => {
    for (const endpoint of endpoints) events.touch(endpoint)
    return answer
  }
  const seen = <A>(nudging: Nudging<A>): A => {
    events.touchAll()
    return nudge(nudging)
  }
  return {
    noteHealth: async (note) => tell(await noteHealth(context, note)),
    sendMessage: async (call) => tell(await sendMessage(context, call)),
    claimMessage: async (call) => tell(await claimMessage(context, call)),
    settleMessage: async (written) => tell(await settleMessage(context, written)),
    endInterrupted: async (call) => tell(await endInterrupted(context, call)),
    noteNews: async (call) => tell(await noteNews(context, call)),
    noteTyping: async (call) => tell(await noteTyping(context, call)),
    testWebhook: async (call) => nudge(await testWebhook(context, call)),
    redeliver: async (call) => nudge(await redeliver(context, call)),
    addWebhooks: async (call) => seen(await addWebhooks(context, call)),
    removeWebhooks: async (call) => seen(await removeWebhooks(context, call)),
    replaceWebhooks: async (call) => seen(await replaceWebhooks(context, call)),
  } satisfies Partial<Operations>
}

function record(events: Events, told: readonly Told[]): void {
  for (const { event, at, callback, ...subject } of told) events.record(subject, event, at, callback)
}

/** What still waits for a line that was removed: a piece of it. */
async function nextRemains(context: Context, piece: Parameters<Store['endRemoved']>[0]) {
  const toLookThrough = await linesToLookThrough(context, piece.at).executeTakeFirst()
  const line = toLookThrough ?? (await linesWithRemains(context).executeTakeFirst())
  return line && findRemains(context, line, piece)
}

function coldWrites(context: Context, events: Events): Bound<typeof COLD_WRITES> {
  const bound = bind(COLD_WRITES, context)
  const seen = SEEN_BY_ALL.map((name) => {
    const write = bound[name] as (argument: unknown) => Promise<unknown>
    const told = async (argument: unknown) => {
      const answer = await write(argument)
      events.touchAll()
      return answer
    }
    return [name, told]
  })
  return { ...bound, ...Object.fromEntries(seen) }
}

/** What the connection that reads cannot know of receipts: the joins that are not in their rows yet. */
export interface Overlay {
  findJoined(ids: readonly ReceiptId[]): (Joined | null)[]
}

/** As the connection that writes reports them. */
function pragmas(database: DatabaseSync): Readonly<Record<string, string | number>> {
  const facts = ['journal_mode', 'synchronous', 'fullfsync'].map((name) => database.prepare(`pragma ${name}`).get())
  return Object.assign({}, ...facts)
}
