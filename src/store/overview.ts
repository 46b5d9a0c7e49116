import { type SqlBool, sql } from 'kysely'
import type { Credentials } from '../core/account.ts'
import type { LineState } from '../core/console.ts'
import type { LineId } from '../core/id.ts'
import { MOST_COUNTED, minuteOf, type Overview } from '../core/overview.ts'
import { authenticate } from './accounts.ts'
import { listOwnLines } from './lines.ts'
import { receiptsOf } from './receipts.ts'
import type { Session } from './session.ts'

const MINUTES = 60
/** The newest conversations and receipts are looked at, never all of them. */
const LOOKED_AT = 2_000
const MOST_FAILURES = 8

export async function overview(
  session: Session,
  { credentials, at }: { credentials: Credentials; at: number },
): Promise<Overview> {
  const { id } = await authenticate(session, credentials)
  const { db } = session
  const tallies = await db
    .selectFrom('receipt_minutes')
    .select(['minute', 'state', 'bucket', 'receipts'])
    .where('account_id', '=', id)
    .where('minute', '>', minuteOf(at) - MINUTES)
    .execute()
  const lines = await db.selectFrom('lines').select('id').where('account_id', '=', id).execute()
  let open = 0
  for (const line of lines) open += await waitingOn(session, line.id)
  const newest = db.selectFrom('receipts').select('id').where('account_id', '=', id).orderBy('id', 'desc')
  const failures = await receiptsOf(session, id)
    .where('receipts.id', 'in', newest.limit(LOOKED_AT))
    .where('receipts.state', 'in', ['failed', 'expired', 'skipped'])
    .orderBy('receipts.id', 'desc')
    .limit(MOST_FAILURES)
    .execute()
  return { tallies, open: Math.min(open, MOST_COUNTED), failures }
}

export async function listLineStates(session: Session, call: { credentials: Credentials }): Promise<LineState[]> {
  const states: LineState[] = []
  for (const line of await listOwnLines(session, call)) {
    const queued = await waitingOn(session, line.id)
    const lastInboundAt = await newestOf(session, line.id, 'messages')
    states.push({ line, queued, lastInboundAt, lastReceiptAt: await newestOf(session, line.id, 'receipts') })
  }
  return states
}

/** What a line's lane holds: by its index, and not beyond {@link MOST_COUNTED}. */
async function waitingOn({ db }: Session, lineId: LineId): Promise<number> {
  const waiting = db
    .selectFrom('receipts')
    .select('id')
    .where('line_id', '=', lineId)
    .where('next_attempt_at', 'is not', null)
    .limit(MOST_COUNTED)
  const row = await db
    .selectFrom(waiting.as('waiting'))
    .select((eb) => eb.fn.countAll<number>().as('receipts'))
    .executeTakeFirstOrThrow()
  return row.receipts
}

/** When the line last saw one, if that is among the newest of its account. */
async function newestOf({ db }: Session, lineId: LineId, table: 'messages' | 'receipts'): Promise<number | null> {
  const account = db.selectFrom('lines').select('account_id').where('id', '=', lineId)
  const time = table === 'messages' ? sql<number>`received_at` : sql<number>`settled_at`
  const newest = db
    .selectFrom(table)
    .select(['line_id', time.as('at')])
    .where('account_id', '=', account)
    .where(table === 'messages' ? sql<SqlBool>`outbound = 0` : sql<SqlBool>`settled_at is not null`)
    .orderBy('id', 'desc')
    .limit(LOOKED_AT)
  const row = await db
    .selectFrom(newest.as('newest'))
    .select((eb) => eb.fn.max('at').as('at'))
    .where('line_id', '=', lineId)
    .executeTakeFirst()
  return row?.at ?? null
}
