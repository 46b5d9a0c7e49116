import type { Credentials } from '../../core/account.ts'
import { admitCaller, type Caller, reaches } from '../../core/caller.ts'
import { ReadbackError } from '../../core/errors.ts'
import type { AccountId, LineId, MessageId } from '../../core/id.ts'
import type { Line } from '../../core/line.ts'
import { type MarkReadCall, type MarkReadOutcome, passAccountGate, passLine } from '../../core/mark-read.ts'
import type { Address } from '../../core/phone-number.ts'
import {
  ACCOUNT_COLUMNS,
  type KeyRow,
  type SessionRow,
  type TokenRow,
  toKeyCaller,
  toSessionCaller,
  toTokenCaller,
} from '../accounts.ts'
import { hashSecret } from '../seal.ts'
import type { Session, StoreRules } from '../session.ts'
import { outcomeOf } from './batches.ts'
import { type OpenedConversation, openConversations, type Place } from './conversations.ts'
import { IS_QUEUED, QUEUED_COLUMNS, type QueuedRow, requestReceipts } from './receipt-requests.ts'
import type { Statement, Transaction } from './transactions.ts'

/** Credentials and a line that calls of a batch name together. */
interface Entry {
  readonly callerWith: (credentials: Credentials) => Caller | undefined
  readonly line: Pick<Line, 'id' | 'connector'> | undefined
}

/**
 * Accepts a batch of mark-read calls on PostgreSQL: an outcome or a refusal for each. In a snapshot, where all of them join, it takes
 * two round trips however many they are: who calls and what is queued, then the joins with the commit. Nothing is locked before it
 * is written, which takes a fifth off what PostgreSQL has to do; where that fails for what another transaction wrote meanwhile, `current`
 * locks what it looks at.
 */
export async function markReads(
  transaction: Transaction,
  isolation: 'snapshot' | 'current',
  calls: readonly MarkReadCall[],
  { rules, now }: Pick<Session, 'rules' | 'now'>,
): Promise<{ outcomes: (MarkReadOutcome | ReadbackError)[]; touched: AccountId[] }> {
  const [entries, queued] = await Promise.all([
    findEntries(transaction, calls, now()),
    isolation === 'snapshot' ? findQueued(transaction, calls) : undefined,
  ])
  const admitted = calls.map((call) => outcomeOf(() => admit(call, entries.get(entryKey(call)), rules)))
  const passed = calls.flatMap((call, index) => {
    const place = admitted[index] as Place | ReadbackError
    return place instanceof ReadbackError ? [] : [{ call, place }]
  })
  if (passed.length === 0) return { outcomes: admitted as ReadbackError[], touched: [] }
  const conversations = await findConversations(
    transaction,
    passed.map(({ place }) => place),
    queued ?? [],
  )
  const asked = passed.map(({ call: { trigger, at }, place: { accountId, lineId } }, index) => {
    const { id: conversationId, lastMessageId } = conversations[index] as (typeof conversations)[number]
    return { accountId, lineId, conversationId, request: { trigger, readUpTo: lastMessageId, at, dueAt: at } }
  })
  const { ids, touched } = await requestReceipts(transaction, asked, rules.receiptLifetimeMs, queued)
  const receiptIds = ids.values()
  const outcomes = admitted.map((place) => {
    if (place instanceof ReadbackError) return place
    return { receiptId: receiptIds.next().value as MarkReadOutcome['receiptId'], lineId: place.lineId }
  })
  return { outcomes, touched }
}

/** Those where something is queued came with it; the others are looked for, and opened where there is none. */
async function findConversations(
  transaction: Transaction,
  places: readonly Place[],
  queued: readonly QueuedPlace[],
): Promise<OpenedConversation[]> {
  const keyOf = (lineId: LineId, address: Address) => `${lineId} ${address}`
  const known = new Map<string, OpenedConversation>()
  for (const { conversation_id: id, line_id, address, last_message_id: lastMessageId } of queued) {
    known.set(keyOf(line_id, address), { id, lastMessageId })
  }
  const others = places.filter(({ lineId, address }) => !known.has(keyOf(lineId, address)))
  const opened = others.length > 0 ? await openConversations(transaction, others, { lock: false }) : []
  others.forEach(({ lineId, address }, index) => {
    known.set(keyOf(lineId, address), opened[index] as OpenedConversation)
  })
  return places.map(({ lineId, address }) => known.get(keyOf(lineId, address)) as OpenedConversation)
}

/** Before it is known who calls. */
function findQueued(transaction: Transaction, calls: readonly MarkReadCall[]): Promise<QueuedPlace[]> {
  const distinct = [...new Map(calls.map((call) => [`${call.fromNumber} ${call.number}`, call])).values()]
  return transaction.rows(FIND_QUEUED, [
    distinct.map(({ fromNumber }) => fromNumber),
    distinct.map(({ number }) => number),
  ])
}

function admit({ credentials, ...call }: MarkReadCall, entry: Entry | undefined, rules: StoreRules): Place {
  const caller = admitCaller(entry?.callerWith(credentials), credentials, 'lines')
  passAccountGate(caller.account)
  const own = reaches(caller, call.fromNumber) ? entry?.line : undefined
  const { id: lineId } = passLine(own, rules, call.relayed)
  return { accountId: caller.account.id, lineId, kind: 'direct', address: call.number, at: call.at }
}

async function findEntries(
  transaction: Transaction,
  calls: readonly MarkReadCall[],
  now: number,
): Promise<Map<string, Entry>> {
  const distinct = [...new Map(calls.map((call) => [entryKey(call), call])).values()]
  const find = async <Row>(statement: Statement, proof: 'keyId' | 'token' | 'sessionToken') => {
    const asked = distinct.filter(({ credentials }) => proof in credentials)
    if (asked.length === 0) return []
    const values = [asked.map(({ credentials }) => wordOf(credentials)), asked.map(({ fromNumber }) => fromNumber)]
    return transaction.rows<Row & EntryRow>(statement, values)
  }
  const entries = new Map<string, Entry>()
  const note = ({ from_number, word, line_id: id, connector }: EntryRow, callerWith: Entry['callerWith']) => {
    entries.set(`${from_number} ${word}`, { callerWith, line: id === null ? undefined : { id, connector } })
  }
  const [keys, tokens, sessions] = await Promise.all([
    find<KeyRow>(FIND_KEYS, 'keyId'),
    find<TokenRow>(FIND_TOKENS, 'token'),
    find<SessionRow>(FIND_SESSIONS, 'sessionToken'),
  ])
  for (const row of keys) note(row, checkingOnce(row))
  for (const row of tokens) note(row, () => toTokenCaller(row, now))
  for (const row of sessions) note(row, () => toSessionCaller(row, now))
  return entries
}

/** Each secret of a batch once, however many calls come with it. */
function checkingOnce(row: KeyRow): Entry['callerWith'] {
  const callers = new Map<string, Caller | undefined>()
  return (credentials) => {
    if (!('keyId' in credentials)) return undefined
    const { secret } = credentials
    if (!callers.has(secret)) callers.set(secret, toKeyCaller(row, credentials))
    return callers.get(secret)
  }
}

function entryKey({ credentials, fromNumber }: MarkReadCall): string {
  return `${fromNumber} ${wordOf(credentials)}`
}

/** What its row is found by. */
function wordOf(credentials: Credentials): string {
  if ('token' in credentials) return hashSecret(credentials.token)
  return 'sessionToken' in credentials ? hashSecret(credentials.sessionToken) : credentials.keyId
}

interface EntryRow {
  readonly word: string
  readonly from_number: string
  readonly line_id: LineId | null
  readonly connector: string
}

interface QueuedPlace extends QueuedRow {
  readonly line_id: LineId
  readonly address: Address
  readonly last_message_id: MessageId | null
}

/**
 * `offset 0`: whatever the planner believes of tables that it has not counted yet, it goes from the numbers to the receipts. Left to
 * itself it began with all that is queued.
 */
const FIND_QUEUED: Statement = {
  name: 'find queued receipts at places',
  text: `select ${QUEUED_COLUMNS}, c.line_id, c.address, c.last_message_id
    from unnest($1::text[], $2::text[]) as k (from_number, address)
    cross join lateral (select id from lines l where l.number = k.from_number and l.removed_at is null offset 0) l
    cross join lateral (select id, line_id, address, last_message_id from conversations c
      where c.line_id = l.id and c.address = k.address and c.kind = 'direct' offset 0) c
    cross join lateral (select * from receipts r where r.conversation_id = c.id and ${IS_QUEUED} offset 0) r`,
}
const WITH_LINE = `left join lines l on l.number = k.from_number and l.account_id = a.id and l.removed_at is null`
/**
 * As sub-selects, so that the planner does not see how few they are: else it finds a plan for so many dearer than to plan for these
 * anew each time, which takes 0.1 ms.
 */
const ASKED = 'from unnest((select $1::text[]), (select $2::text[])) as k (word, from_number)'
const FIND_KEYS: Statement = {
  name: 'find keys',
  text: `select ${ACCOUNT_COLUMNS}, s.secret_hash, k.word, k.from_number, l.id as line_id, l.connector
    ${ASKED}
    join api_keys s on s.key_id = k.word join accounts a on a.id = s.account_id ${WITH_LINE}`,
}
const FIND_TOKENS: Statement = {
  name: 'find tokens',
  text: `select ${ACCOUNT_COLUMNS}, t.key_id, t.numbers, t.expires_at, k.word, k.from_number, l.id as line_id, l.connector
    ${ASKED}
    join tokens t on t.token_hash = k.word join accounts a on a.id = t.account_id ${WITH_LINE}`,
}
const FIND_SESSIONS: Statement = {
  name: 'find sessions',
  text: `select ${ACCOUNT_COLUMNS}, s.key_id, s.expires_at, k.word, k.from_number, l.id as line_id, l.connector
    ${ASKED}
    join sessions s on s.token_hash = k.word join api_keys o on o.key_id = s.key_id
    join accounts a on a.id = o.account_id ${WITH_LINE}`,
}
