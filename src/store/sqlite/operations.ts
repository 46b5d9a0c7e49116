import type { DatabaseSync } from 'node:sqlite'
import type { ReceiptId } from '../../core/id.ts'
import type { Store } from '../../core/store.ts'
import {
  admit,
  createAccount,
  createKey,
  deleteKey,
  getAccount,
  listAccounts,
  setAutoMarkRead,
  updateAccount,
} from '../accounts.ts'
import { getConversation, listConversations, showConversation } from '../conversations.ts'
import { listDeliveries, redeliver, testWebhook, webhooksWithWork } from '../deliveries.ts'
import { carrier, show, showRead, takeFailure, tune, write } from '../handset.ts'
import {
  createLine,
  getLine,
  getOwnLine,
  inboundSecret,
  linesToEnrol,
  listLines,
  listOwnLines,
  noteCursor,
  noteEnrolled,
  noteHealth,
  noteVerification,
  removeLine,
  setAutoTiming,
  updateLine,
} from '../lines.ts'
import { getMessageStory } from '../messages.ts'
import { listLineStates, overview } from '../overview.ts'
import { findOverdue, getReceipt, linesWithWork, listReceipts, noteReplies } from '../receipts.ts'
import { forgetInbound } from '../seen-inbound.ts'
import type { Session } from '../session.ts'
import { closeSession, getVisitor, listKeys, makeKey, openSession, revokeKey } from '../sign-ins.ts'
import { addWebhooks, listWebhooks, removeWebhooks, replaceWebhooks } from '../webhooks.ts'
import type { Acceptance } from './acceptance.ts'
import { Deliveries } from './deliveries.ts'
import type { Events } from './events.ts'
import { Inbound } from './inbound.ts'
import type { Joined, Joins } from './joins.ts'
import { LaneStore } from './outbox.ts'

/** The store's methods as a worker runs them: plain data in and out; the hot ones answer at once. */
type Operations = {
  readonly [Name in Exclude<keyof Store, 'close'>]: (
    argument: Parameters<Store[Name]>[0],
  ) => Awaited<ReturnType<Store[Name]>> | Promise<Awaited<ReturnType<Store[Name]>>>
}

const READS = {
  admit,
  carrier,
  findOverdue,
  getAccount,
  getLine,
  getOwnLine,
  getReceipt,
  linesToEnrol,
  linesWithWork,
  listDeliveries,
  listWebhooks,
  webhooksWithWork,
  listAccounts,
  listLines,
  listOwnLines,
  listReceipts,
  show,
  getConversation,
  getMessageStory,
  getVisitor,
  listConversations,
  listKeys,
  listLineStates,
  overview,
  showConversation,
}

const COLD_WRITES = {
  addWebhooks,
  removeWebhooks,
  replaceWebhooks,
  createAccount,
  createKey,
  createLine,
  deleteKey,
  forgetInbound,
  inboundSecret,
  noteCursor,
  noteEnrolled,
  noteHealth,
  noteReplies,
  noteVerification,
  setAutoMarkRead,
  setAutoTiming,
  showRead,
  takeFailure,
  tune,
  updateAccount,
  updateLine,
  write,
  closeSession,
  makeKey,
  openSession,
  revokeKey,
}

/** Rare enough that everybody who looks may look again. */
const SEEN_BY_ALL: readonly (keyof typeof COLD_WRITES)[] = [
  'addWebhooks',
  'removeWebhooks',
  'replaceWebhooks',
  'closeSession',
  'createAccount',
  'createKey',
  'createLine',
  'deleteKey',
  'makeKey',
  'noteReplies',
  'revokeKey',
  'setAutoMarkRead',
  'setAutoTiming',
  'tune',
  'updateAccount',
  'updateLine',
]

const HOT_WRITES = [
  'markRead',
  'storeInbound',
  'claimReceipts',
  'settleReceipts',
  'expireReceipts',
  'releaseReceipts',
  'claimDeliveries',
  'settleDelivery',
  'releaseDeliveries',
  'redeliver',
  'testWebhook',
  'removeLine',
  'ready',
  'durability',
] as const

export type Read = keyof typeof READS
export type Write = keyof typeof COLD_WRITES | (typeof HOT_WRITES)[number]

export const READ_NAMES = Object.keys(READS) as readonly Read[]
export const WRITE_NAMES = [...(Object.keys(COLD_WRITES) as (keyof typeof COLD_WRITES)[]), ...HOT_WRITES]

export function readOperations(session: Session): Pick<Operations, Read> {
  return bind(READS, session)
}

export interface Writing {
  readonly database: DatabaseSync
  readonly session: Session
  readonly acceptance: Acceptance
  readonly joins: Joins
  readonly events: Events
  /** The number of transactions so far. */
  readonly commits: () => number
}

export function writeOperations(writing: Writing): Pick<Operations, Write> & Overlay {
  const { database, session, acceptance, joins, events, commits } = writing
  const inbound = new Inbound(database, session.rules, acceptance, events)
  const lanes = new LaneStore(database, session, joins, events)
  const deliveries = new Deliveries(database, session, events)
  return {
    ...coldWrites(session, events),
    markRead: (call) => acceptance.markRead(call),
    storeInbound: (arrivals) => inbound.storeInbound(arrivals),
    claimReceipts: (call) => lanes.claimReceipts(call),
    settleReceipts: (settlement) => lanes.settleReceipts(settlement),
    expireReceipts: (call) => lanes.expireReceipts(call),
    releaseReceipts: (call) => lanes.releaseReceipts(call),
    claimDeliveries: (call) => deliveries.claimDeliveries(call),
    settleDelivery: (outcome) => deliveries.settleDelivery(outcome),
    releaseDeliveries: (call) => deliveries.releaseDeliveries(call),
    testWebhook: async (call) => events.touch(await testWebhook(session, call)),
    redeliver: async (call) => events.touch(await redeliver(session, call)),
    async removeLine({ id, at }) {
      joins.foldAll()
      await removeLine(session, { id, at })
      events.touchAll()
      lanes.skipReceipts({ lineId: id, at })
    },
    // That its transaction could begin is the answer.
    ready() {},
    durability: () => ({ ...pragmas(database), commits: commits(), accepted: acceptance.accepted }),
    findJoined: (ids) => ids.map((id) => joins.find(id) ?? null),
  }
}

function coldWrites(session: Session, events: Events): Bound<typeof COLD_WRITES> {
  const bound = bind(COLD_WRITES, session)
  const seen = SEEN_BY_ALL.map((name) => {
    const write = bound[name] as (argument: unknown) => Promise<unknown>
    return [name, (argument: unknown) => write(argument).finally(() => events.touchAll())]
  })
  // A change of health is rare; that nothing changed is noted every few seconds.
  const noteHealth: typeof bound.noteHealth = async (note) => {
    const before = await bound.noteHealth(note)
    if (before !== null) events.touchAll()
    return before
  }
  return { ...bound, ...Object.fromEntries(seen), noteHealth }
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

type Query = (session: Session, argument: never) => Promise<unknown>
type Bound<Queries extends Record<string, Query>> = {
  [Name in keyof Queries]: Queries[Name] extends (session: Session, argument: infer A) => infer R
    ? (argument: A) => R
    : never
}

function bind<Queries extends Record<string, Query>>(queries: Queries, session: Session): Bound<Queries> {
  const bound = Object.entries(queries).map(([name, query]) => [name, (argument: never) => query(session, argument)])
  return Object.fromEntries(bound) as Bound<Queries>
}
