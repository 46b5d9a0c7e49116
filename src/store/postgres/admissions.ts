import type { Credentials } from '../../core/account.ts'
import { admitCaller, type Caller, reaches } from '../../core/caller.ts'
import type { ReadbackError } from '../../core/errors.ts'
import type { LineId } from '../../core/id.ts'
import type { Line } from '../../core/line.ts'
import { type MarkReadCall, passAccountGate, passLine } from '../../core/mark-read.ts'
import type { PhoneNumber } from '../../core/phone-number.ts'
import {
  ACCOUNT_COLUMNS,
  type KeyRow,
  type SessionRow,
  type TokenRow,
  toKeyCaller,
  toSessionCaller,
  toTokenCaller,
} from '../accounts.ts'
import type { StoreRules } from '../context.ts'
import { hashSecret } from '../seal.ts'
import { distinctBy, outcomeOf } from './batches.ts'
import type { Place } from './conversations.ts'
import { plannedOnce, type Statement, type Transaction } from './transactions.ts'

/** Credentials and a line that calls of a batch name together. */
export interface Admission {
  readonly callerWith: (credentials: Credentials) => Caller | undefined
  readonly line: Pick<Line, 'id' | 'connector'> | undefined
}

interface AdmissionRow {
  readonly word: string
  readonly from_number: PhoneNumber
  readonly line_id: LineId | null
  readonly connector: string
}

/** An admission by an account's key, and the version of the account's row. */
export type KeyAdmissionRow = KeyRow & AdmissionRow & { readonly account_version: number }

/** Somebody's call for a line. */
type Asked = Pick<MarkReadCall, 'credentials' | 'fromNumber'>

/** Where a call belongs, or why it is refused. */
export function admit(call: MarkReadCall, admission: Admission | undefined, rules: StoreRules): Place | ReadbackError {
  return outcomeOf(() => {
    const { caller, line } = enter(call, admission)
    passAccountGate(caller.account)
    const { id: lineId } = passLine(line, rules, call.relayed)
    return { accountId: caller.account.id, lineId, kind: 'direct', address: call.number, at: call.at }
  })
}

/** Who calls, and the line that is named, if it is one that they may see. */
export function enter(
  { credentials, fromNumber }: Asked,
  admission: Admission | undefined,
): { caller: Caller; line: Admission['line'] } {
  const caller = admitCaller(admission?.callerWith(credentials), credentials, 'lines')
  return { caller, line: reaches(caller, fromNumber) ? admission?.line : undefined }
}

export function toKeyAdmission(row: KeyAdmissionRow): Admission {
  return { callerWith: checkingOnce(row), line: lineOf(row) }
}

/** One for each call, in order; `onKey` hears of those by keys. */
export async function findAdmissions(
  transaction: Transaction,
  calls: readonly Asked[],
  now: number,
  onKey: (key: string, row: KeyAdmissionRow) => void,
): Promise<(Admission | undefined)[]> {
  const { distinct, numbers } = distinctBy(calls, admissionKey)
  const find = async <Row>(statement: Statement, proof: Proof) => {
    const asked = distinct.filter(({ credentials }) => proofOf(credentials) === proof)
    if (asked.length === 0) return []
    const values = [asked.map(({ credentials }) => wordOf(credentials)), asked.map(({ fromNumber }) => fromNumber)]
    return transaction.rows<Row & AdmissionRow>(statement, values)
  }
  const [keys, tokens, sessions] = await Promise.all([
    find<KeyAdmissionRow>(FIND_KEYS, 'keyId'),
    find<TokenRow>(FIND_TOKENS, 'token'),
    find<SessionRow>(FIND_SESSIONS, 'sessionToken'),
  ])
  const admissions = new Map<string, Admission>()
  for (const row of keys) {
    const key = keyOf('keyId', row)
    admissions.set(key, toKeyAdmission(row))
    onKey(key, row)
  }
  const note = (proof: Proof, row: AdmissionRow, caller: () => Caller | undefined) =>
    admissions.set(keyOf(proof, row), { callerWith: caller, line: lineOf(row) })
  for (const row of tokens) note('token', row, () => toTokenCaller(row, now))
  for (const row of sessions) note('sessionToken', row, () => toSessionCaller(row, now))
  const found = distinct.map((call) => admissions.get(admissionKey(call)))
  return numbers.map((number) => found[number])
}

export function admissionKey({ credentials, fromNumber }: Asked): string {
  return keyOf(proofOf(credentials), { from_number: fromNumber, word: wordOf(credentials) })
}

/** With the kind of proof: a token's hash that is given as the id of a key must not be taken for the token. */
function keyOf(proof: Proof, { from_number, word }: Pick<AdmissionRow, 'from_number' | 'word'>): string {
  return `${proof} ${from_number} ${word}`
}

type Proof = 'keyId' | 'token' | 'sessionToken'

function proofOf(credentials: Credentials): Proof {
  if ('token' in credentials) return 'token'
  return 'sessionToken' in credentials ? 'sessionToken' : 'keyId'
}

/** What its row is found by. */
function wordOf(credentials: Credentials): string {
  if ('token' in credentials) return hashSecret(credentials.token)
  return 'sessionToken' in credentials ? hashSecret(credentials.sessionToken) : credentials.keyId
}

function lineOf({ line_id: id, connector }: AdmissionRow): Admission['line'] {
  return id === null ? undefined : { id, connector }
}

/** Each secret of a batch once, however many calls come with it. */
function checkingOnce(row: KeyRow): Admission['callerWith'] {
  const callers = new Map<string, Caller | undefined>()
  return (credentials) => {
    if (!('keyId' in credentials)) return undefined
    const { secret } = credentials
    if (!callers.has(secret)) callers.set(secret, toKeyCaller(row, credentials))
    return callers.get(secret)
  }
}

const WITH_LINE = `left join lines l on l.number = k.from_number and l.account_id = a.id and l.removed_at is null`
const ASKED = 'from unnest($1::text[], $2::text[]) as k (word, from_number)'
const FIND_KEYS = plannedOnce({
  name: 'find keys',
  text: `select ${ACCOUNT_COLUMNS}, s.secret_hash, k.word, k.from_number, l.id as line_id, l.connector,
      a.xmin::text::bigint as account_version
    ${ASKED}
    join api_keys s on s.key_id = k.word join accounts a on a.id = s.account_id ${WITH_LINE}`,
})
/** `offset 0`: each by its hash, also by statistics of a moment when there were a few. */
const FIND_TOKENS = plannedOnce({
  name: 'find tokens',
  text: `select ${ACCOUNT_COLUMNS}, t.key_id, t.numbers, t.expires_at, k.word, k.from_number, l.id as line_id, l.connector
    ${ASKED}
    cross join lateral (select account_id, key_id, numbers, expires_at from tokens where token_hash = k.word offset 0) t
    join api_keys o on o.key_id = t.key_id join accounts a on a.id = t.account_id ${WITH_LINE}`,
})
const FIND_SESSIONS = plannedOnce({
  name: 'find sessions',
  text: `select ${ACCOUNT_COLUMNS}, s.key_id, s.expires_at, k.word, k.from_number, l.id as line_id, l.connector
    ${ASKED}
    cross join lateral (select key_id, expires_at from sessions where token_hash = k.word offset 0) s
    join api_keys o on o.key_id = s.key_id join accounts a on a.id = o.account_id ${WITH_LINE}`,
})
