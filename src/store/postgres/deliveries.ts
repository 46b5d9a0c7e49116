import { LEAST_SET_BACK_MS } from '../../core/clock-set-back.ts'
import type { AccountId, DeliveryId, WebhookId } from '../../core/id.ts'
import {
  ANSWER_KEPT,
  type Delivery,
  type DeliveryOutcome,
  LONGEST_FAILING_MS,
  LONGEST_WAIT_MS,
} from '../../core/webhook.ts'
import type { ClaimedDeliveries, DeliveryOutbox } from '../../core/webhook-store.ts'
import { type ClaimedRow, GIVEN_UP_AT_ONCE, toDelivery } from '../deliveries.ts'
import type { Seal } from '../seal.ts'
import { IN_ORDER, plannedOnce, type Statement, type Transaction } from './transactions.ts'

/**
 * Takes what is due for an endpoint; what another node is taking at this moment is passed over. Of one that is given up it ends a piece
 * of what waits. Answers, too, whose deliveries ended.
 */
export async function claimDeliveries(
  transaction: Transaction,
  { webhookId, limit, at, leaseUntil }: Parameters<DeliveryOutbox['claimDeliveries']>[0],
  seal: Seal,
): Promise<{ claimed: ClaimedDeliveries; touched: AccountId[] }> {
  const [endpoint] = await transaction.rows<EndpointRow>(FIND_ENDPOINT, [webhookId])
  if (endpoint === undefined) return { claimed: { deliveries: [], nextDueAt: null }, touched: [] }
  const { account_id, given_up, removed } = endpoint
  if (given_up) {
    transaction.write(IN_ORDER, [])
    const ended = await transaction.rows(GIVE_UP, [webhookId, at, GIVEN_UP_AT_ONCE, removed])
    if (ended.length > 0) return { claimed: { deliveries: [], nextDueAt: at }, touched: [account_id] }
  }
  const claimed = await transaction.rows<{ id: DeliveryId }>(CLAIM, [webhookId, at, limit, leaseUntil, given_up])
  const ids = claimed.map(({ id }) => id)
  const [rows, [next]] = await Promise.all([
    ids.length === 0 ? [] : transaction.rows<ClaimedRow>(FIND_CLAIMED, [ids]),
    transaction.rows<{ at: number | null }>(FIND_NEXT_DUE, [webhookId]),
  ])
  const deliveries = rows.map((row): Delivery => toDelivery(row, seal, { at, leaseUntil }))
  return { claimed: { deliveries, nextDueAt: next?.at ?? null }, touched: [] }
}

interface EndpointRow {
  readonly account_id: AccountId
  readonly given_up: boolean
  readonly removed: boolean
}

/**
 * Writes down what a batch of calls came to; all of it is asked at once. Answers whose deliveries they were; which of them disabled
 * their endpoints is known once the transaction is done.
 */
export async function settleDeliveries(
  transaction: Transaction,
  batch: readonly DeliveryOutcome[],
): Promise<{ touched: AccountId[]; disabling: ReadonlySet<DeliveryOutcome> }> {
  transaction.write(ATTEMPT, [
    batch.map(({ id }) => id),
    batch.map(({ attempt }) => attempt.at),
    batch.map(({ attempt }) => attempt.ms),
    batch.map(({ attempt }) => attempt.status),
    batch.map(({ attempt }) => attempt.obstacle),
    batch.map(({ attempt }) => attempt.answer.slice(0, ANSWER_KEPT)),
  ])
  const disabling = new Set<DeliveryOutcome>()
  const byEndpoint = Map.groupBy(batch, ({ webhookId }) => webhookId)
  // Endpoints before their deliveries, in order of ids: so do all who touch both.
  for (const [webhookId, outcomes] of [...byEndpoint].sort(([a], [b]) => a - b)) {
    noteEndpoint(transaction, webhookId, outcomes, (outcome) => disabling.add(outcome))
  }
  const inOrder = batch.toSorted((a, b) => a.id - b.id)
  transaction.write(LOCK, [inOrder.map(({ id }) => id)])
  const settled = await transaction.rows<{ account_id: AccountId }>(SETTLE, [
    inOrder.map(({ id }) => id),
    inOrder.map(({ state }) => state),
    inOrder.map(({ nextAttemptAt }) => nextAttemptAt),
    inOrder.map(({ leaseUntil }) => leaseUntil),
    inOrder.map(({ disable, webhookId }) => (disable === null ? null : webhookId)),
  ])
  return { touched: [...new Set(settled.map(({ account_id }) => account_id))], disabling }
}

function noteEndpoint(
  transaction: Transaction,
  webhookId: WebhookId,
  outcomes: readonly DeliveryOutcome[],
  onDisabled: (by: DeliveryOutcome) => void,
): void {
  const failed = outcomes.filter(({ failing }) => failing)
  if (outcomes.some(({ failing }) => failing === false)) transaction.write(RECOVERED, [webhookId])
  else if (failed.length > 0) {
    transaction.write(FAILING, [failed.map(({ attempt }) => attempt.at), webhookId])
  }
  for (const outcome of failed) {
    const { disable, attempt } = outcome
    if (disable === null) continue
    const values = [disable, webhookId, attempt.at, attempt.at - LONGEST_FAILING_MS]
    transaction.write(DISABLE, values, ({ length }) => length > 0 && onDisabled(outcome))
  }
}

const FIND_ENDPOINT: Statement = {
  name: 'find endpoint',
  text: `select account_id, disabled is not null or removed_at is not null as given_up, removed_at is not null as removed
    from webhooks where id = $1`,
}
/**
 * Looks at so many of those that wait, and no further: each of them may be one that a person asked for. What is under way is left to
 * those who carry it. By the ids as an array: so the planner goes from what waits, whatever it believes of the table.
 */
export const GIVE_UP = plannedOnce({
  name: 'give up deliveries',
  text: `with waiting as materialized (select id, state, next_attempt_at, by_hand, attempts from webhook_deliveries
      where webhook_id = $1::bigint and next_attempt_at is not null
      order by next_attempt_at limit $3::bigint for update skip locked)
    update webhook_deliveries set state = 'failed', next_attempt_at = null where id = any(array(select id from waiting
      where (state = 'waiting' or next_attempt_at <= $2) and (by_hand is null or ($4 and attempts > 0))))
    returning id`,
})
export const CLAIM = plannedOnce({
  name: 'claim deliveries',
  text: `with due as materialized (select id from webhook_deliveries where webhook_id = $1::bigint
      and next_attempt_at is not null and next_attempt_at <= $2::bigint and (by_hand = 1 or not $5::boolean)
      order by next_attempt_at limit $3::bigint for update skip locked)
    update webhook_deliveries set state = 'sending', next_attempt_at = $4
    where id = any(array(select id from due)) returning id`,
})
/** Longer than an endpoint's lane leases what it takes for. */
const LONGEST_LEASE_MS = 120_000
/** What else waits may be millions, and a statement that looked through them would never come to its end. */
const MOST_LOOKED_THROUGH = 100_000
/**
 * What was recorded, taken or tried by a clock that was set back since would wait for that time: it is among the newest. What others have
 * at hand they settle.
 */
export const HASTEN = plannedOnce({
  name: 'hasten deliveries',
  text: `with newest as materialized (select id, state, next_attempt_at, created_at from webhook_deliveries
      where id > (select max(id) from webhook_deliveries) - ${MOST_LOOKED_THROUGH}),
    late as (select id from newest where next_attempt_at > $1::bigint
      and case when state = 'sending' then next_attempt_at > $1::bigint + ${LONGEST_LEASE_MS}
        else created_at > $1::bigint + ${LEAST_SET_BACK_MS} or next_attempt_at > $1::bigint + ${LONGEST_WAIT_MS} end)
    update webhook_deliveries set next_attempt_at = $1::bigint where id = any(array(
      select id from webhook_deliveries where id = any(array(select id from late)) and next_attempt_at > $1::bigint
      order by id for update skip locked))`,
})
const FIND_CLAIMED = plannedOnce({
  name: 'find claimed deliveries',
  text: `select d.id, d.attempts, w.id as webhook_id, w.type, w.url, w.secret, w.secret_before, w.secret_changed_at,
      w.failing_since, a.id as account_id, a.email, a.plan, a.webhook_secret, a.webhook_secret_before,
      a.webhook_secret_changed_at, e.id as event_id, e.line_id, e.event, e.at
    from webhook_deliveries d join webhooks w on w.id = d.webhook_id join accounts a on a.id = d.account_id
    join events e on e.id = d.event_id where d.id = any($1::bigint[]) order by d.id`,
})
const FIND_NEXT_DUE: Statement = {
  name: 'find next due delivery',
  text: `select min(next_attempt_at) as at from webhook_deliveries
    where webhook_id = $1 and next_attempt_at is not null`,
}
const ATTEMPT: Statement = {
  name: 'insert attempts',
  text: `insert into webhook_attempts (delivery_id, at, ms, status, obstacle, answer)
    select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])`,
}
const LOCK = plannedOnce({
  name: 'lock deliveries',
  text: 'select id from webhook_deliveries where id = any($1::bigint[]) order by id for update',
})
const HAS = `(d.state = 'sending' and d.next_attempt_at = k.lease_until)`
const ENDS = '(select disabled from webhooks where id = k.ends_with) is not null'
/**
 * The attempt counts; what becomes of the delivery is for whoever has it now to tell: another node, or a call that was asked for since.
 * It ends where its endpoint did.
 */
const SETTLE = plannedOnce({
  name: 'settle deliveries',
  text: `update webhook_deliveries d set attempts = d.attempts + 1,
      state = case when ${HAS} and ${ENDS} then 'failed' when ${HAS} then k.state else d.state end,
      next_attempt_at = case when ${HAS} and ${ENDS} then null when ${HAS} then k.next_attempt_at else d.next_attempt_at end
    from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
      as k (id, state, next_attempt_at, lease_until, ends_with)
    where d.id = k.id returning d.account_id`,
})
const RECOVERED: Statement = {
  name: 'endpoint recovered',
  text: 'update webhooks set failing_since = null where id = $1 and failing_since is not null',
}
/** That calls failed which were sent before it was enabled says nothing of it. */
const FAILING: Statement = {
  name: 'endpoint fails',
  text: `update webhooks set failing_since = (select min(at) from unnest($1::bigint[]) as k (at) where at >= coalesce(enabled_at, 0))
    where id = $2 and failing_since is null`,
}
/** It may have been enabled since that was sent, or have taken something. */
const DISABLE: Statement = {
  name: 'disable endpoint',
  text: `update webhooks set disabled = $1 where id = $2 and coalesce(enabled_at, 0) <= $3
    and ($1 = 'gone' or failing_since <= $4) returning id`,
}
