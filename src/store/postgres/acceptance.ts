import type { Credentials } from '../../core/account.ts'
import { admitCaller, type Caller, reaches } from '../../core/caller.ts'
import { ReadbackError } from '../../core/errors.ts'
import type { LineId } from '../../core/id.ts'
import type { Line } from '../../core/line.ts'
import { type MarkReadCall, type MarkReadOutcome, passAccountGate, passLine } from '../../core/mark-read.ts'
import {
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
import { openConversations, type Place } from './conversations.ts'
import { requestReceipts } from './receipt-requests.ts'
import type { Statement, Transaction } from './transactions.ts'

/** Credentials and a line that calls of a batch name together. */
interface Entry {
  readonly callerWith: (credentials: Credentials) => Caller | undefined
  readonly line: Pick<Line, 'id' | 'connector'> | undefined
}

/** Accepts a batch of mark-read calls on PostgreSQL: six statements, however many they are. An outcome or a refusal for each. */
export async function markReads(
  transaction: Transaction,
  calls: readonly MarkReadCall[],
  { rules, now }: Pick<Session, 'rules' | 'now'>,
): Promise<(MarkReadOutcome | ReadbackError)[]> {
  const entries = await findEntries(transaction, calls, now())
  const admitted = calls.map((call) => outcomeOf(() => admit(call, entries.get(entryKey(call)), rules)))
  const passed = calls.flatMap((call, index) => {
    const place = admitted[index] as Place | ReadbackError
    return place instanceof ReadbackError ? [] : [{ call, place }]
  })
  if (passed.length === 0) return admitted as ReadbackError[]
  const places = passed.map(({ place }) => place)
  const conversations = await openConversations(transaction, places, { lock: false })
  const asked = passed.map(({ call: { trigger, at }, place: { accountId, lineId } }, index) => {
    const { id: conversationId, lastMessageId } = conversations[index] as (typeof conversations)[number]
    return { accountId, lineId, conversationId, request: { trigger, readUpTo: lastMessageId, at, dueAt: at } }
  })
  const receiptIds = (await requestReceipts(transaction, asked, rules.receiptLifetimeMs)).values()
  return admitted.map((place) => {
    if (place instanceof ReadbackError) return place
    return { receiptId: receiptIds.next().value as MarkReadOutcome['receiptId'], lineId: place.lineId }
  })
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
  const kindOf = ({ credentials }: MarkReadCall) =>
    'token' in credentials ? 'token' : 'sessionToken' in credentials ? 'session' : 'key'
  const { key = [], token = [], session = [] } = Object.groupBy(distinct, kindOf)
  const find = async <Row>(statement: Statement, asked: readonly MarkReadCall[]) => {
    if (asked.length === 0) return []
    const values = [asked.map(({ credentials }) => wordOf(credentials)), asked.map(({ fromNumber }) => fromNumber)]
    return transaction.rows<Row & EntryRow>(statement, values)
  }
  const entries = new Map<string, Entry>()
  const note = ({ from_number, word, line_id: id, connector }: EntryRow, callerWith: Entry['callerWith']) => {
    entries.set(`${from_number} ${word}`, { callerWith, line: id === null ? undefined : { id, connector } })
  }
  for (const row of await find<KeyRow>(FIND_KEYS, key)) {
    note(row, (credentials) => ('keyId' in credentials ? toKeyCaller(row, credentials) : undefined))
  }
  for (const row of await find<TokenRow>(FIND_TOKENS, token)) note(row, () => toTokenCaller(row, now))
  for (const row of await find<SessionRow>(FIND_SESSIONS, session)) note(row, () => toSessionCaller(row, now))
  return entries
}

function entryKey({ credentials, fromNumber }: MarkReadCall): string {
  return `${fromNumber} ${wordOf(credentials)}`
}

/** What its row is found by. */
function wordOf(credentials: Credentials): string {
  if ('keyId' in credentials) return credentials.keyId
  return hashSecret('token' in credentials ? credentials.token : credentials.sessionToken)
}

interface EntryRow {
  readonly word: string
  readonly from_number: string
  readonly line_id: LineId | null
  readonly connector: string
}

const WITH_LINE = `left join lines l on l.number = k.from_number and l.account_id = a.id and l.removed_at is null`
const FIND_KEYS: Statement = {
  name: 'find keys',
  text: `select a.*, s.secret_hash, k.word, k.from_number, l.id as line_id, l.connector
    from unnest($1::text[], $2::text[]) as k (word, from_number)
    join api_keys s on s.key_id = k.word join accounts a on a.id = s.account_id ${WITH_LINE}`,
}
const FIND_TOKENS: Statement = {
  name: 'find tokens',
  text: `select a.*, t.key_id, t.numbers, t.expires_at, k.word, k.from_number, l.id as line_id, l.connector
    from unnest($1::text[], $2::text[]) as k (word, from_number)
    join tokens t on t.token_hash = k.word join accounts a on a.id = t.account_id ${WITH_LINE}`,
}
const FIND_SESSIONS: Statement = {
  name: 'find sessions',
  text: `select a.*, t.key_id, t.expires_at, k.word, k.from_number, l.id as line_id, l.connector
    from unnest($1::text[], $2::text[]) as k (word, from_number)
    join sessions t on t.token_hash = k.word join api_keys s on s.key_id = t.key_id
    join accounts a on a.id = s.account_id ${WITH_LINE}`,
}
