import type { DatabaseSync } from 'node:sqlite'

/** One behind a call that is under way waits for its end, not for a time. */
const NOT_UNDER_WAY = `not exists (select 1 from receipts s where s.conversation_id = r.conversation_id
  and s.state = 'sending' and s.settled_at is null and s.next_attempt_at is null)`

/** What a line's lanes ask of its receipts. */
export function prepareOutbox(database: DatabaseSync) {
  return { ...prepareClaims(database), ...prepareEnds(database), ...prepareReleases(database) }
}

function prepareClaims(database: DatabaseSync) {
  return {
    findLine: database.prepare('select * from lines where id = ? and removed_at is null'),
    findDue: database.prepare(
      `select conversation_id from receipts r where line_id = ? and next_attempt_at is not null and next_attempt_at <= ?
       and ${NOT_UNDER_WAY} order by next_attempt_at limit ? + 0`,
    ),
    // In the index's order, so that it stops at the first.
    findNextDue: database.prepare(
      `select next_attempt_at as next from receipts r where line_id = ? and next_attempt_at is not null
       and ${NOT_UNDER_WAY} order by next_attempt_at limit 1`,
    ),
    // `sending` before `queued`: the older leads.
    findOpen: database.prepare(
      `select id, state, requests, setbacks, read_up_to, last_attempt_at, next_attempt_at, expires_at
       from receipts where conversation_id = ? and settled_at is null order by state desc`,
    ),
    findConversation: database.prepare(
      `select id, line_id as lineId, kind, address, service, carrier_conversation as carrierConversation,
       last_message_id as lastMessageId, read_through as readThrough from conversations where id = ?`,
    ),
    // Nearly always what is read up to is itself what a call marks: found by its id, it takes a page less than by its conversation.
    findFirst: database.prepare(
      'select id, carrier_message_id, service, marked from messages where id = ? and part = 0 and outbound = 0',
    ),
    findUnread: database.prepare(
      `select id, carrier_message_id, service, marked from messages
       where conversation_id = ? and id <= ? and id > ? and part = 0 and outbound = 0 order by id desc limit ? + 0`,
    ),
    send: database.prepare(`update receipts set state = 'sending', next_attempt_at = null where id = ?`),
  }
}

function prepareEnds(database: DatabaseSync) {
  return {
    settle: database.prepare(
      `update receipts set state = ?, reason = ?, service = ?, attempts = attempts + ?, last_attempt_at = ?, settled_at = ?,
       next_attempt_at = null where id = ? and settled_at is null and requests = ?`,
    ),
    count: database.prepare(
      'update receipts set attempts = attempts + ?, last_attempt_at = ? where id = ? and settled_at is null',
    ),
    setBack: database.prepare(
      `update receipts set reason = ?, setbacks = ?, next_attempt_at = ?, attempts = attempts + ?, last_attempt_at = ?
       where id = ? and settled_at is null returning account_id`,
    ),
    mark: database.prepare('update messages set marked = 1 where id = ?'),
    readThrough: database.prepare(
      'update conversations set read_through = max(coalesce(read_through, 0), ?1) where id = ?2 and ?1 is not null',
    ),
    skipRemoved: database.prepare(
      `update receipts set state = 'skipped', reason = 'line_removed', settled_at = ?, next_attempt_at = null
       where id = ?`,
    ),
    findReceipt: database.prepare(
      `select r.id, r.account_id as accountId, r.line_id as lineId, r.conversation_id as conversationId,
       c.address as number, l.number as fromNumber, coalesce(r.service, c.service) as service, r.trigger, r.state,
       r.reason, r.requests, r.attempts, r.read_up_to as readUpTo, r.requested_at as requestedAt,
       r.next_attempt_at as nextAttemptAt, r.expires_at as expiresAt, r.settled_at as settledAt,
       r.verified_at as verifiedAt
       from receipts r join conversations c on c.id = r.conversation_id join lines l on l.id = r.line_id
       where r.id = ?`,
    ),
    tally: database.prepare(
      `insert into receipt_minutes (account_id, minute, state, bucket, receipts) values (?, ?, ?, ?, 1)
       on conflict do update set receipts = receipts + 1`,
    ),
    expire: database.prepare(
      `update receipts set state = 'expired', reason = coalesce(reason, iif(expires_at < ?, 'server_away', ?)),
         settled_at = ?, next_attempt_at = null
       where id = ? and next_attempt_at is not null and expires_at <= ?`,
    ),
  }
}

function prepareReleases(database: DatabaseSync) {
  return {
    // What was asked for, or tried, by a clock that was set back since would wait for that time. A pause begins anew: it is never
    // shorter, and over where there was a try.
    hasten: database.prepare(
      `update receipts set
         next_attempt_at = ?1 + iif(state = 'queued' and last_attempt_at is null, next_attempt_at - requested_at, 0)
       where id in (select r.id from lines l cross join receipts r
         where r.line_id = l.id and r.next_attempt_at > ?1 and max(r.requested_at, coalesce(r.last_attempt_at, 0)) > ?2)`,
    ),
    release: database.prepare(
      `update receipts set next_attempt_at = ? where state = 'sending' and settled_at is null and next_attempt_at is null`,
    ),
    releaseLost: database.prepare(
      `update receipts set next_attempt_at = ? where line_id = ? and state = 'sending' and settled_at is null
       and next_attempt_at is null and conversation_id not in (select value from json_each(?))`,
    ),
  }
}
