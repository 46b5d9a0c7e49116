import type { DatabaseSync } from 'node:sqlite'
import type { ReceiptId } from '../../core/id.ts'
import type { Store } from '../../core/store.ts'
import {
  admit,
  createAccount,
  createKey,
  deleteKey,
  getAccount,
  identify,
  listAccounts,
  setAutoMarkRead,
  updateAccount,
} from '../accounts.ts'
import { getConversation, listConversations, showConversation } from '../conversations.ts'
import { listDeliveries, redeliver, testWebhook, webhooksWithWork } from '../deliveries.ts'
import { type Answered, listEvents, newestEventId, type Told } from '../events.ts'
import {
  carrier,
  contactReads,
  receive,
  show,
  showRead,
  showTyping,
  takeFailure,
  tune,
  typingUntil,
  write,
} from '../handset.ts'
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
import {
  claimMessage,
  endInterrupted,
  endWaiting,
  linesWithMessages,
  noteNews,
  settleMessage,
} from '../message-lanes.ts'
import { findService, getMessage, listMessages } from '../messages.ts'
import { findTypingPlace, noteTyping, sendMessage } from '../outbound.ts'
import { forgetTallies, listLineStates, overview } from '../overview.ts'
import { findOverdue, getReceipt, linesWithWork, listReceipts, noteReplies } from '../receipts.ts'
import { forgetInbound } from '../seen-inbound.ts'
import type { Session } from '../session.ts'
import { closeSession, getVisitor, listKeys, makeKey, openSession, revokeKey } from '../sign-ins.ts'
import { getMessageStory } from '../stories.ts'
import { createToken, deleteToken, forgetTokens } from '../tokens.ts'
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
  findService,
  getAccount,
  getLine,
  getMessage,
  getOwnLine,
  getReceipt,
  identify,
  linesToEnrol,
  linesWithMessages,
  linesWithWork,
  listDeliveries,
  listEvents,
  listWebhooks,
  newestEventId,
  webhooksWithWork,
  listAccounts,
  listLines,
  listMessages,
  listOwnLines,
  listReceipts,
  show,
  typingUntil,
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
  contactReads,
  createLine,
  createToken,
  deleteKey,
  deleteToken,
  findTypingPlace,
  forgetInbound,
  forgetTallies,
  forgetTokens,
  inboundSecret,
  noteCursor,
  noteEnrolled,
  noteReplies,
  noteVerification,
  receive,
  setAutoMarkRead,
  setAutoTiming,
  showRead,
  showTyping,
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
  'noteHealth',
  'removeLine',
  'sendMessage',
  'claimMessage',
  'settleMessage',
  'endInterrupted',
  'noteNews',
  'noteTyping',
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
  const record = (told: readonly Told[]) => {
    for (const { event, at, callback, ...subject } of told) events.record(subject, event, at, callback)
  }
  const tell = <A>({ answer, told }: Answered<A>): A => {
    record(told)
    return answer
  }
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
    noteHealth: async (note) => tell(await noteHealth(session, note)),
    async removeLine({ id, at }) {
      joins.foldAll()
      await removeLine(session, { id, at })
      events.touchAll()
      lanes.skipReceipts({ lineId: id, at })
      record(await endWaiting(session, { lineId: id, at }))
    },
    sendMessage: async (call) => tell(await sendMessage(session, call)),
    claimMessage: async (call) => tell(await claimMessage(session, call)),
    settleMessage: async (written) => tell(await settleMessage(session, written)),
    endInterrupted: async (call) => tell(await endInterrupted(session, call)),
    noteNews: async (call) => tell(await noteNews(session, call)),
    noteTyping: async (call) => tell(await noteTyping(session, call)),
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
