import type { Account } from '../../core/account.ts'
import { ReadbackError } from '../../core/errors.ts'
import type { LineId } from '../../core/id.ts'
import type { Line } from '../../core/line.ts'
import {
  admitAccount,
  type MarkReadCall,
  type MarkReadOutcome,
  passAccountGate,
  passLine,
} from '../../core/mark-read.ts'
import { toAccount } from '../accounts.ts'
import { secretMatches } from '../seal.ts'
import type { StoreRules } from '../session.ts'
import { outcomeOf } from './batches.ts'
import { openConversations, type Place } from './conversations.ts'
import { requestReceipts } from './receipt-requests.ts'
import type { Statement, Transaction } from './transactions.ts'

/** A key and a line that calls of a batch name together. */
interface Entry {
  readonly secretHash: string
  readonly account: Account
  readonly line: Pick<Line, 'id' | 'connector'> | undefined
}

/** Accepts a batch of mark-read calls on PostgreSQL: six statements, however many they are. An outcome or a refusal for each. */
export async function markReads(
  transaction: Transaction,
  calls: readonly MarkReadCall[],
  rules: StoreRules,
): Promise<(MarkReadOutcome | ReadbackError)[]> {
  const entries = await findEntries(transaction, calls)
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

function admit(call: MarkReadCall, entry: Entry | undefined, rules: StoreRules): Place {
  const { keyId: _, secret } = call.credentials
  const matches = secretMatches(secret, entry?.secretHash)
  const account = admitAccount(matches ? entry?.account : undefined)
  passAccountGate(account)
  const { id: lineId } = passLine(entry?.line, rules, call.relayed)
  return { accountId: account.id, lineId, kind: 'direct', address: call.number }
}

async function findEntries(transaction: Transaction, calls: readonly MarkReadCall[]): Promise<Map<string, Entry>> {
  const distinct = [...new Map(calls.map((call) => [entryKey(call), call])).values()]
  const rows = await transaction.rows<EntryRow>(FIND_ENTRIES, [
    distinct.map(({ credentials }) => credentials.keyId),
    distinct.map(({ fromNumber }) => fromNumber),
  ])
  return new Map(
    rows.map((row) => [
      `${row.from_number} ${row.key_id}`,
      {
        secretHash: row.secret_hash,
        account: toAccount(row),
        line: row.line_id === null ? undefined : { id: row.line_id, connector: row.connector },
      },
    ]),
  )
}

function entryKey({ credentials, fromNumber }: MarkReadCall): string {
  return `${fromNumber} ${credentials.keyId}`
}

type EntryRow = Parameters<typeof toAccount>[0] & {
  readonly key_id: string
  readonly secret_hash: string
  readonly from_number: string
  readonly line_id: LineId | null
  readonly connector: string
}

const FIND_ENTRIES: Statement = {
  name: 'find entries',
  text: `select a.*, s.key_id, s.secret_hash, k.from_number, l.id as line_id, l.connector
    from unnest($1::text[], $2::text[]) as k (key_id, from_number)
    join api_keys s on s.key_id = k.key_id join accounts a on a.id = s.account_id
    left join lines l on l.number = k.from_number and l.account_id = a.id and l.removed_at is null`,
}
