import { LEAST_SET_BACK_MS } from '../../core/clock-set-back.ts'
import { LINE_COLUMNS } from '../lines.ts'
import { everyReceipt } from '../receipts.ts'
import { COMPILER } from './connection.ts'
import { plannedOnce, type Statement } from './transactions.ts'

/** Those that an update settles, as it left them. The name stands for them in the query that tells of receipts. */
function settling(name: string, update: string): Statement {
  const { sql: text } = everyReceipt({ db: COMPILER })
    .select('receipts.line_id as lineId')
    .orderBy('receipts.id')
    .compile()
  return plannedOnce({ name, text: `with receipts as (${update} returning r.*) ${text}` })
}

/**
 * One behind a call that is under way waits for its end, not for a time. A conversation has one that is sending at the most: asked so,
 * it is looked up for each row. As `not exists` it is joined by statistics, and those of a moment when nothing was open have all
 * that is open walked through for each row: 87 ms in place of 0.4 with 20,000 queued.
 */
const NOT_UNDER_WAY = `(select s.next_attempt_at is null from receipts s where s.conversation_id = r.conversation_id
  and s.state = 'sending' and s.settled_at is null) is not true`

/**
 * Still open, and still waiting, of those named by their ids. Not as `is null`, which is what indexes are about that hold little else:
 * by statistics of a moment when nothing was open they look like the shorter way, and settling 256 of 20,000 took 1.2 s.
 */
const IS_OPEN = 'coalesce(r.settled_at, -1) = -1'
const WAITS = 'coalesce(r.next_attempt_at, -1) <> -1'

export const FIND_LINE: Statement = {
  name: 'find line',
  text: `select ${LINE_COLUMNS} from lines where id = $1 and removed_at is null`,
}
/**
 * What is open in so many of the conversations that are due, with these. By the ids as an array, and each
 * conversation for itself: so the planner goes from what is due, whatever it believes of the tables.
 */
export const LOCK_DUE = plannedOnce({
  name: 'lock due receipts',
  text: `with due as materialized (select conversation_id from receipts r where line_id = $1::bigint
      and next_attempt_at is not null and next_attempt_at <= $2::bigint and ${NOT_UNDER_WAY}
      order by next_attempt_at limit $3::bigint)
    select r.conversation_id, r.id, r.state, r.requests, r.setbacks, r.read_up_to, r.last_attempt_at, r.next_attempt_at,
      r.expires_at, c.kind, c.address, c.service, c.carrier_conversation, c.last_message_id, c.read_through
    from receipts r cross join lateral (select kind, address, service, carrier_conversation, last_message_id, read_through
      from conversations where id = r.conversation_id offset 0) c
    where r.conversation_id = any(array(select conversation_id from due)) and r.settled_at is null
    order by r.id for update of r`,
})
/**
 * What was asked for, or tried, by a clock that was set back since would wait for that time. A pause begins anew: it is never shorter, and
 * over where there was a try.
 */
export const HASTEN = plannedOnce({
  name: 'hasten receipts',
  text: `update receipts set next_attempt_at = $2::bigint
      + case when state = 'queued' and last_attempt_at is null then next_attempt_at - requested_at else 0 end
    where id in (select id from receipts where line_id = $1::bigint and next_attempt_at > $2::bigint
      and greatest(requested_at, last_attempt_at) > $2::bigint + ${LEAST_SET_BACK_MS} order by id for update)`,
})
// In the index's order, so that it stops at the first.
export const FIND_NEXT_DUE: Statement = {
  name: 'find next due receipt',
  text: `select next_attempt_at as next from receipts r where line_id = $1 and next_attempt_at is not null
    and ${NOT_UNDER_WAY} order by next_attempt_at limit 1`,
}
export const LOCK = plannedOnce({
  name: 'lock receipts',
  text: 'select id from receipts where id = any($1::bigint[]) order by id for update',
})
export const SEND = plannedOnce({
  name: 'send receipts',
  text: `update receipts set state = 'sending', next_attempt_at = null where id = any($1::bigint[])`,
})
/** Those after `after`, newest first; where there is none, the newest. Where one is asked for, that is it: it is not looked up again. */
export const FIND_MARKED = plannedOnce({
  name: 'find marked messages',
  text: `select k.conversation_id, m.id, m.carrier_message_id, m.service, m.marked
    from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) as k (conversation_id, read_up_to, after, most)
    cross join lateral (select id, carrier_message_id, service, marked from messages m
      where m.conversation_id = k.conversation_id and m.id <= k.read_up_to and m.part = 0 and m.outbound = 0 order by m.id desc limit 1) newest
    cross join lateral (select newest.id, newest.carrier_message_id, newest.service, newest.marked where k.most = 1
      union all (select id, carrier_message_id, service, marked from messages m
        where k.most > 1 and m.conversation_id = k.conversation_id and m.id <= newest.id and m.id >= least(k.after + 1, newest.id) and m.part = 0 and m.outbound = 0
        order by m.id desc limit k.most)) m
    order by k.conversation_id, m.id desc`,
})
export const MARK = plannedOnce({
  name: 'mark messages',
  text: 'update messages set marked = 1 where id = any($1::bigint[])',
})
export const SETTLE = settling(
  'settle receipts',
  `update receipts r set state = k.state, reason = k.reason, service = k.service, attempts = r.attempts + k.attempts,
    last_attempt_at = k.at, settled_at = k.at, next_attempt_at = null
    from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
      as k (id, requests, state, reason, service, attempts, at)
    where r.id = k.id and ${IS_OPEN} and r.requests = k.requests`,
)
export const COUNT = plannedOnce({
  name: 'count attempts',
  text: `update receipts r set attempts = r.attempts + k.attempts, last_attempt_at = k.at
    from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as k (id, attempts, at)
    where r.id = k.id and ${IS_OPEN}`,
})
export const SET_BACK = plannedOnce({
  name: 'set back receipts',
  text: `update receipts r set reason = k.reason, setbacks = k.setbacks, next_attempt_at = k.next_attempt_at,
    attempts = r.attempts + k.attempts, last_attempt_at = k.at
    from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
      as k (id, reason, setbacks, next_attempt_at, attempts, at)
    where r.id = k.id and ${IS_OPEN} returning r.account_id`,
})
export const HOLD_BACK = plannedOnce({
  name: 'hold lines back',
  text: `update line_leases x set next_call_at = greatest(x.next_call_at, k.at)
    from (select line_id, max(at) as at from unnest($1::bigint[], $2::bigint[]) as k (line_id, at)
      group by line_id order by line_id) k where x.line_id = k.line_id`,
})
export const RELEASE_LOST: Statement = {
  name: 'release lost receipts',
  text: `update receipts set next_attempt_at = $1 where id in (
    select id from receipts where line_id = $2 and state = 'sending' and settled_at is null and next_attempt_at is null
      and conversation_id <> all($3::bigint[]) order by id for update)`,
}
export const READ_THROUGH = plannedOnce({
  name: 'read through',
  text: `update conversations c set read_through = greatest(c.read_through, k.read_through)
    from unnest($1::bigint[], $2::bigint[]) as k (id, read_through) where c.id = k.id`,
})
export const EXPIRE = settling(
  'expire receipts',
  `update receipts r set state = 'expired', settled_at = $2, next_attempt_at = null,
      reason = coalesce(reason, case when expires_at < $4 then 'server_away' else $1 end)
    where id = any($3::bigint[]) and ${WAITS} and expires_at <= $2`,
)
export const SKIP_REMOVED = settling(
  'skip receipts of a removed line',
  `update receipts r set state = 'skipped', reason = 'line_removed', settled_at = $1, next_attempt_at = null
    where id = any($2::bigint[]) and ${IS_OPEN} and (state = 'queued' or ${WAITS})`,
)
