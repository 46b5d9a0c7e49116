import type { Selectable } from 'kysely'
import type { Account, Credentials } from '../core/account.ts'
import { reaches } from '../core/caller.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId, LineId } from '../core/id.ts'
import type { Line, LineHealth } from '../core/line.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import type { AutoTimingCall, LineDraft, LineStore, NewLine, Verification } from '../core/store.ts'
import { authenticate, getAccount, identify, updateAccount } from './accounts.ts'
import type { Context } from './context.ts'
import type { Answered } from './events.ts'
import { hashSecret, randomSecret, type Seal } from './seal.ts'
import type { Tables } from './tables.ts'

const COLUMNS = [
  ...(['id', 'account_id', 'number', 'connector', 'settings', 'paused', 'auto_timing', 'status'] as const),
  ...(['status_reason', 'status_since', 'unverified', 'catch_up_cursor', 'created_at'] as const),
]
/** A line in a prepared statement, by name as an account's columns are. */
export const LINE_COLUMNS = COLUMNS.join(', ')

export type LineRow = Pick<Selectable<Tables['lines']>, (typeof COLUMNS)[number]>

export function toLine(row: LineRow, seal: Seal): Line {
  return {
    id: row.id,
    accountId: row.account_id,
    number: row.number,
    connector: row.connector,
    settings: JSON.parse(seal.open('line settings', row.settings)),
    paused: row.paused === 1,
    autoTiming: row.auto_timing === null ? null : JSON.parse(row.auto_timing),
    health: { status: row.status, reason: row.status_reason },
    healthSince: row.status_since,
    unverified: row.unverified,
    catchUpCursor: row.catch_up_cursor,
    createdAt: row.created_at,
  }
}

export async function createLine(context: Context, draft: LineDraft): Promise<NewLine> {
  const { db, seal } = context
  await getAccount(context, draft.accountId)
  const taken = await liveLines(context).select('id').where('number', '=', draft.number).executeTakeFirst()
  if (taken !== undefined) throw new ReadbackError('conflict', 'A line with this number is registered already')
  const inboundSecret = randomSecret()
  const row = await db
    .insertInto('lines')
    .values({
      account_id: draft.accountId,
      number: draft.number,
      connector: draft.connector,
      settings: seal.close('line settings', JSON.stringify(draft.settings)),
      inbound_secret: seal.close('inbound secret', inboundSecret),
      inbound_secret_hash: hashSecret(inboundSecret),
      to_enrol: 1,
      paused: 0,
      status: 'UNKNOWN',
      status_reason: null,
      status_since: null,
      catch_up_cursor: null,
      auto_timing: null,
      removed_at: null,
      created_at: draft.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return { line: toLine(row, seal), inboundSecret }
}

export async function listLines(context: Context): Promise<Line[]> {
  const rows = await liveLines(context).selectAll().orderBy('id').execute()
  return rows.map((row) => toLine(row, context.seal))
}

export async function listOwnLines(context: Context, { credentials }: { credentials: Credentials }): Promise<Line[]> {
  const { account, token } = await identify(context, { credentials })
  let lines = liveLines(context).selectAll().where('account_id', '=', account.id)
  if (token?.numbers != null) lines = lines.where('number', 'in', token.numbers)
  return (await lines.orderBy('id').execute()).map((row) => toLine(row, context.seal))
}

export async function getLine(context: Context, by: Parameters<LineStore['getLine']>[0]): Promise<Line> {
  let lines = liveLines(context).selectAll()
  if ('id' in by) lines = lines.where('id', '=', by.id)
  else if ('number' in by) lines = lines.where('number', '=', by.number)
  else lines = lines.where('inbound_secret_hash', '=', hashSecret(by.inboundSecret))
  return toLine((await lines.executeTakeFirst()) ?? noSuchLine(), context.seal)
}

export async function getOwnLine(
  context: Context,
  { credentials, number }: { credentials: Credentials; number: PhoneNumber },
): Promise<Line> {
  const { row } = await callersLine(context, credentials, number)
  return toLine(row ?? noSuchLine(), context.seal)
}

/** The line that a call names, where the caller reaches it. */
export async function callersLine(
  context: Context,
  credentials: Credentials,
  number: PhoneNumber,
): Promise<{ account: Account; row: LineRow | undefined }> {
  const caller = await identify(context, { credentials })
  const row = await findOwnLine(context, caller.account.id, number)
  return { account: caller.account, row: reaches(caller, number) ? row : undefined }
}

export async function updateLine(
  context: Context,
  { id, settings, paused, autoTiming }: Parameters<LineStore['updateLine']>[0],
): Promise<Line> {
  const { db, seal } = context
  const row = await db
    .updateTable('lines')
    .set((eb) => ({
      paused: paused === undefined ? eb.ref('paused') : paused ? 1 : 0,
      settings: settings === undefined ? eb.ref('settings') : seal.close('line settings', JSON.stringify(settings)),
      auto_timing:
        autoTiming === undefined ? eb.ref('auto_timing') : autoTiming === null ? null : JSON.stringify(autoTiming),
      // Other settings may mean another carrier, which has not been told yet.
      to_enrol: settings === undefined ? eb.ref('to_enrol') : 1,
    }))
    .where('id', '=', id)
    .where('removed_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  return toLine(row ?? noSuchLine(), seal)
}

export async function setAutoTiming(context: Context, call: AutoTimingCall): Promise<void> {
  const account = await authenticate(context, call.credentials)
  if (call.number === undefined) {
    await updateAccount(context, { id: account.id, change: { autoTiming: call.timing } })
  } else {
    const { id } = (await findOwnLine(context, account.id, call.number)) ?? noSuchLine()
    await updateLine(context, { id, autoTiming: call.timing })
  }
}

/** Answers what it was before; null where it is no other. */
export async function noteHealth(
  context: Context,
  { id, health, at }: { id: LineId; health: LineHealth; at: number },
): Promise<Answered<LineHealth | null>> {
  const line = await liveLines(context)
    .select(['account_id', 'number', 'status', 'status_reason as reason'])
    .where('id', '=', id)
    .executeTakeFirst()
  const same = line === undefined || (line.status === health.status && line.reason === health.reason)
  if (same) return { answer: null, told: [] }
  const since = line.status === health.status ? {} : { status_since: at }
  await context.db
    .updateTable('lines')
    .set({ status: health.status, status_reason: health.reason, ...since })
    .where('id', '=', id)
    .execute()
  const { account_id: accountId, number, status, reason } = line
  const event = { type: 'line.status.changed', lineNumber: number, health } as const
  return { answer: { status, reason }, told: [{ accountId, lineId: id, number, event, callback: null, at }] }
}

export async function noteCursor({ db }: Context, note: Parameters<LineStore['noteCursor']>[0]): Promise<void> {
  const { id, since, cursor } = note
  const line = db.updateTable('lines').set({ catch_up_cursor: cursor }).where('id', '=', id)
  await line.where('catch_up_cursor', since === null ? 'is' : '=', since).execute()
}

export async function noteVerification({ db }: Context, { id, receiptIds, verifiedAt }: Verification): Promise<number> {
  const { unverified } = await db
    .updateTable('lines')
    .set((eb) => ({ unverified: verifiedAt === null ? eb('unverified', '+', 1) : 0 }))
    .where('id', '=', id)
    .returning('unverified')
    .executeTakeFirstOrThrow()
  if (verifiedAt !== null) {
    await db
      .updateTable('receipts')
      .set({ verified_at: verifiedAt })
      .where('id', 'in', receiptIds)
      .where('state', '=', 'sent')
      .execute()
  }
  return unverified
}

export async function hastenTries({ db }: Context, { id, at }: { id: LineId; at: number }): Promise<void> {
  for (const table of ['receipts', 'messages'] as const) {
    const waiting = db.updateTable(table).set({ next_attempt_at: at }).where('line_id', '=', id)
    const later = waiting.where('next_attempt_at', 'is not', null).where('next_attempt_at', '>', at)
    // One that is queued was not tried: its pause is a person's.
    await (table === 'receipts' ? later.where('state', '=', 'sending') : later).execute()
  }
}

export async function removeLine({ db }: Context, { id, at }: { id: LineId; at: number }): Promise<void> {
  const line = db.updateTable('lines').set({ removed_at: at }).where('id', '=', id)
  const { numUpdatedRows } = await line.where('removed_at', 'is', null).executeTakeFirst()
  if (numUpdatedRows === 0n) noSuchLine()
}

/** Throws `invalid` for the first that is no line of the account's. */
export async function checkOwnNumbers(
  context: Context,
  { accountId, numbers, field }: { accountId: AccountId; numbers: readonly PhoneNumber[]; field: string },
): Promise<void> {
  if (numbers.length === 0) return
  const own = await liveLines(context).select('number').where('account_id', '=', accountId).execute()
  const known = new Set(own.map(({ number }) => number))
  const stranger = numbers.find((number) => !known.has(number))
  if (stranger === undefined) return
  throw new ReadbackError('invalid', `\`${field}\`: ${stranger} is not a line of this account`)
}

function findOwnLine(context: Context, accountId: AccountId, number: PhoneNumber): Promise<LineRow | undefined> {
  return liveLines(context)
    .selectAll()
    .where('number', '=', number)
    .where('account_id', '=', accountId)
    .executeTakeFirst()
}

export function liveLines({ db }: Context) {
  return db.selectFrom('lines').where('removed_at', 'is', null)
}

export function noSuchLine(): never {
  throw new ReadbackError('not_found', 'No such line')
}
