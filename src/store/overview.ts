import type { Credentials } from '../core/account.ts'
import type { LineState } from '../core/console.ts'
import type { LineId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import { MOST_COUNTED, minuteOf, type Overview } from '../core/overview.ts'
import { authenticate } from './accounts.ts'
import { listOwnLines } from './lines.ts'
import { ownReceipts } from './receipts.ts'
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
  const failures = await ownReceipts(session, id)
    .where('receipts.id', 'in', newest.limit(LOOKED_AT))
    .where('receipts.state', 'in', ['failed', 'expired', 'skipped'])
    .orderBy('receipts.id', 'desc')
    .limit(MOST_FAILURES)
    .execute()
  return { tallies, open: Math.min(open, MOST_COUNTED), failures }
}

export async function forgetTallies(
  { db }: Session,
  { before, limit }: { before: number; limit: number },
): Promise<number> {
  const old = db
    .selectFrom('receipt_minutes')
    .select(['account_id', 'minute', 'state', 'bucket'])
    // By account, since that is how its key begins: else all that is kept would be walked through.
    .where('account_id', 'in', db.selectFrom('accounts').select('id'))
    .where('minute', '<', minuteOf(before))
    .limit(limit)
  const { numDeletedRows } = await db
    .deleteFrom('receipt_minutes')
    .where(({ eb, refTuple }) =>
      eb(
        refTuple('account_id', 'minute', 'state', 'bucket'),
        'in',
        old.$asTuple('account_id', 'minute', 'state', 'bucket'),
      ),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}

export async function listLineStates(session: Session, call: { credentials: Credentials }): Promise<LineState[]> {
  const states: LineState[] = []
  for (const line of await listOwnLines(session, call)) {
    const queued = await waitingOn(session, line.id)
    const lastInboundAt = await lastInbound(session, line)
    states.push({ line, queued, lastInboundAt, lastReceiptAt: await lastReceipt(session, line) })
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

async function lastInbound({ db }: Session, { id, accountId }: Line): Promise<number | null> {
  const newest = await db
    .selectFrom('messages')
    .select('received_at as at')
    .where('account_id', '=', accountId)
    .where('line_id', '=', id)
    .where('outbound', '=', 0)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return newest?.at ?? null
}

/** If it is among the newest of the account. */
async function lastReceipt({ db }: Session, { id, accountId }: Line): Promise<number | null> {
  const newest = db
    .selectFrom('receipts')
    .select(['line_id', 'settled_at'])
    .where('account_id', '=', accountId)
    .orderBy('id', 'desc')
    .limit(LOOKED_AT)
  const row = await db
    .selectFrom(newest.as('newest'))
    .select((eb) => eb.fn.max('settled_at').as('at'))
    .where('line_id', '=', id)
    .executeTakeFirst()
  return row?.at ?? null
}
