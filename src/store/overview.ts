import { type ExpressionBuilder, sql } from 'kysely'
import type { Credentials } from '../core/account.ts'
import type { LineState } from '../core/console.ts'
import type { AccountId, LineId } from '../core/id.ts'
import { MOST_COUNTED, minuteOf, type Overview } from '../core/overview.ts'
import { authenticate } from './accounts.ts'
import type { Context } from './context.ts'
import { listOwnLines } from './lines.ts'
import { ownReceipts } from './receipts.ts'
import type { Tables } from './tables.ts'

const MINUTES = 60
/** The newest conversations and receipts are looked at, never all of them. */
const LOOKED_AT = 2_000
const MOST_FAILURES = 8

export async function overview(
  context: Context,
  { credentials, at }: { credentials: Credentials; at: number },
): Promise<Overview> {
  const { id } = await authenticate(context, credentials)
  const { db } = context
  const tallies = await db
    .selectFrom('receipt_minutes')
    .select(['minute', 'state', 'bucket', 'receipts'])
    .where('account_id', '=', id)
    .where('minute', '>', minuteOf(at) - MINUTES)
    .execute()
  const lines = await db
    .selectFrom('lines as l')
    .where('l.account_id', '=', id)
    .select((eb) => ['l.status', 'l.removed_at', waitingOn(eb).as('queued')])
    .orderBy('l.id')
    .execute()
  const live = lines.filter(({ removed_at }) => removed_at === null)
  const open = lines.reduce((sum, { queued }) => sum + (queued ?? 0), 0)
  const newest = db.selectFrom('receipts').select('id').where('account_id', '=', id).orderBy('id', 'desc')
  const failures = await ownReceipts(context, id)
    .where('receipts.id', 'in', newest.limit(LOOKED_AT))
    .where('receipts.state', 'in', ['failed', 'expired', 'skipped'])
    .orderBy('receipts.id', 'desc')
    .limit(MOST_FAILURES)
    .execute()
  const byStatus = [...Map.groupBy(live, ({ status }) => status)]
  return {
    tallies,
    open: Math.min(open, MOST_COUNTED),
    failures,
    lines: byStatus.map(([status, those]) => ({ status, lines: those.length })),
  }
}

export async function forgetTallies(
  { db }: Context,
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

export async function listLineStates(context: Context, call: { credentials: Credentials }): Promise<LineState[]> {
  const lines = await listOwnLines(context, call)
  const [first] = lines
  if (first === undefined) return []
  const lastReceiptAt = await lastReceipts(context, first.accountId)
  const ids = lines.map(({ id }) => id)
  const counted = await context.db
    .selectFrom('lines as l')
    .where('l.id', 'in', ids)
    .select((eb) => ['l.id', waitingOn(eb).as('queued'), LAST_INBOUND.as('lastInboundAt')])
    .execute()
  const byLine = new Map(counted.map(({ id, ...figures }) => [id, figures]))
  return lines.map((line) => {
    const { queued, lastInboundAt } = byLine.get(line.id) ?? {}
    return {
      line,
      queued: queued ?? 0,
      lastInboundAt: lastInboundAt ?? null,
      lastReceiptAt: lastReceiptAt.get(line.id) ?? null,
    }
  })
}

type OfLine = ExpressionBuilder<Tables & { l: Tables['lines'] }, 'l'>

/** What a line's lane holds: by its index, and not beyond {@link MOST_COUNTED}. */
function waitingOn(eb: OfLine) {
  const waiting = eb
    .selectFrom('receipts')
    .select('receipts.id')
    .whereRef('receipts.line_id', '=', 'l.id')
    .where('next_attempt_at', 'is not', null)
    .limit(MOST_COUNTED)
  return eb.selectFrom(waiting.as('waiting')).select(({ fn }) => fn.countAll<number>().as('receipts'))
}

/**
 * From the end of the line's own part of the one index that is in this order. Asked for its newest alone, PostgreSQL goes back through
 * all that the account holds, if it thinks that one line is as good as another: for one on which nobody wrote, to the beginning.
 */
const LAST_INBOUND = sql<number | null>`(select newest.received_at
  from (select m.account_id, m.line_id, m.outbound, m.received_at from messages as m
    where (m.account_id, m.line_id, m.outbound, m.id) <= (l.account_id, l.id, 0, ${Number.MAX_SAFE_INTEGER})
    order by m.account_id desc, m.line_id desc, m.outbound desc, m.id desc limit 1) as newest
  where newest.account_id = l.account_id and newest.line_id = l.id and newest.outbound = 0)`

/** By line, of those that are among the newest of the account. */
async function lastReceipts({ db }: Context, accountId: AccountId): Promise<Map<LineId, number | null>> {
  const newest = db
    .selectFrom('receipts')
    .select(['line_id', 'settled_at'])
    .where('account_id', '=', accountId)
    .orderBy('id', 'desc')
    .limit(LOOKED_AT)
  const rows = await db
    .selectFrom(newest.as('newest'))
    .select((eb) => ['line_id', eb.fn.max('settled_at').as('at')])
    .groupBy('line_id')
    .execute()
  return new Map(rows.map(({ line_id, at }) => [line_id, at]))
}
