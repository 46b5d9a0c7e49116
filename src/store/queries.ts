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
} from './accounts.ts'
import type { Context } from './context.ts'
import { getConversation, listConversations, showConversation } from './conversations.ts'
import { listDeliveries } from './deliveries.ts'
import { findDueEndpoints } from './endpoints.ts'
import { enrolAgain, inboundSecret, linesToEnrol, noteEnrolled } from './enrolment.ts'
import { listEvents, newestEventId } from './events.ts'
import {
  contactReads,
  reachPhone,
  showPhone,
  showRead,
  showTyping,
  simulatedCarrier,
  takeFailure,
  turnKnobs,
  typingUntil,
  writeOnPhone,
} from './handset.ts'
import {
  createLine,
  getLine,
  getOwnLine,
  hastenTries,
  listLines,
  listOwnLines,
  noteCursor,
  noteVerification,
  removeLine,
  setAutoTiming,
  updateLine,
} from './lines.ts'
import { linesWithMessages } from './message-lanes.ts'
import { findService, getMessage, listMessages } from './messages.ts'
import { getTypingPlace } from './outbound.ts'
import { findOverdue } from './overdue.ts'
import { forgetTallies, listLineStates, overview } from './overview.ts'
import { getReceipt, linesWithReceipts, listReceipts, noteReplies } from './receipts.ts'
import { forgetOld } from './retention.ts'
import { forgetInbound } from './seen-inbound.ts'
import { closeSession, getVisitor, listKeys, makeKey, openSession, revokeKey } from './sign-ins.ts'
import { getMessageStory } from './stories.ts'
import { createToken, deleteToken, forgetTokens } from './tokens.ts'
import { listWebhooks } from './webhooks.ts'

/** What is read and changes nothing: queries that both engines share. A new one goes here, and nowhere else. */
export const READS = {
  admit,
  findDueEndpoints,
  findOverdue,
  findService,
  getAccount,
  getConversation,
  getLine,
  getMessage,
  getMessageStory,
  getOwnLine,
  getReceipt,
  getVisitor,
  identify,
  linesToEnrol,
  linesWithMessages,
  linesWithReceipts,
  listAccounts,
  listConversations,
  listDeliveries,
  listEvents,
  listKeys,
  listLines,
  listLineStates,
  listMessages,
  listOwnLines,
  listReceipts,
  listWebhooks,
  newestEventId,
  overview,
  showConversation,
  showPhone,
  simulatedCarrier,
  typingUntil,
}

/** Those of them that take longer the more there is, by the dozen where somebody polls. */
export const LISTS: readonly string[] = [
  'getConversation',
  'getMessageStory',
  'listConversations',
  'listDeliveries',
  'listLineStates',
  'listMessages',
  'listReceipts',
  'overview',
  'showConversation',
] satisfies (keyof typeof READS)[]

/** What is written seldom, one transaction for each call: shared as well. */
export const COLD_WRITES = {
  closeSession,
  contactReads,
  createAccount,
  createKey,
  createLine,
  createToken,
  deleteKey,
  deleteToken,
  enrolAgain,
  forgetInbound,
  forgetOld,
  forgetTallies,
  forgetTokens,
  getTypingPlace,
  hastenTries,
  inboundSecret,
  makeKey,
  noteCursor,
  noteEnrolled,
  noteReplies,
  noteVerification,
  openSession,
  reachPhone,
  removeLine,
  revokeKey,
  setAutoMarkRead,
  setAutoTiming,
  showRead,
  showTyping,
  takeFailure,
  turnKnobs,
  updateAccount,
  updateLine,
  writeOnPhone,
}

/** Rare enough that everybody who looks may look again. */
export const SEEN_BY_ALL: readonly (keyof typeof COLD_WRITES)[] = [
  'closeSession',
  'createAccount',
  'createKey',
  'createLine',
  'deleteKey',
  'makeKey',
  'noteReplies',
  'removeLine',
  'revokeKey',
  'setAutoMarkRead',
  'setAutoTiming',
  'turnKnobs',
  'updateAccount',
  'updateLine',
]

export type Query = (context: Context, argument: never) => Promise<unknown>
export type Bound<Queries extends Record<string, Query>> = {
  [Name in keyof Queries]: Queries[Name] extends (context: Context, argument: infer A) => infer R
    ? (argument: A) => R
    : never
}

export function bind<Queries extends Record<string, Query>>(queries: Queries, context: Context): Bound<Queries> {
  const bound = Object.entries(queries).map(([name, query]) => [name, (argument: never) => query(context, argument)])
  return Object.fromEntries(bound) as Bound<Queries>
}
