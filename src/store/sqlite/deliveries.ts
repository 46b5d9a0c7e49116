import type { DatabaseSync } from 'node:sqlite'
import type { AccountId } from '../../core/id.ts'
import {
  ANSWER_KEPT,
  type Delivery,
  type DeliveryOutcome,
  LONGEST_FAILING_MS,
  LONGEST_WAIT_MS,
} from '../../core/webhook.ts'
import type { ClaimedDeliveries, DeliveryOutbox } from '../../core/webhook-store.ts'
import type { Context } from '../context.ts'
import { type ClaimedRow, GIVEN_UP_AT_ONCE, toDelivery } from '../deliveries.ts'
import type { Events } from './events.ts'

type ClaimCall = Parameters<DeliveryOutbox['claimDeliveries']>[0]

interface EndpointRow {
  readonly account_id: AccountId
  readonly given_up: 0 | 1
  readonly removed: 0 | 1
}

/** The webhooks' side of the outbox on SQLite. */
export class Deliveries {
  readonly #seal: Context['seal']
  readonly #events: Events
  readonly #statements: ReturnType<typeof prepare>

  constructor(database: DatabaseSync, { seal }: Pick<Context, 'seal'>, events: Events) {
    this.#seal = seal
    this.#events = events
    this.#statements = prepare(database)
  }

  /** Takes what is due for an endpoint; of one that is given up it ends a piece of what waits. */
  claimDeliveries({ webhookId, limit, at, leaseUntil }: ClaimCall): ClaimedDeliveries {
    const endpoint = this.#statements.findEndpoint.get(webhookId) as EndpointRow | undefined
    if (endpoint === undefined) return { deliveries: [], nextDueAt: null }
    const { account_id, given_up, removed } = endpoint
    if (given_up === 1 && this.#statements.giveUp.run(webhookId, GIVEN_UP_AT_ONCE, at, removed).changes > 0) {
      this.#events.touchAccount(account_id)
      return { deliveries: [], nextDueAt: at }
    }
    const rows = this.#statements.findDue.all(webhookId, at, given_up, limit) as unknown as ClaimedRow[]
    for (const { id } of rows) this.#statements.claim.run(leaseUntil, id)
    const next = this.#statements.findNextDue.get(webhookId) as { at: number | null }
    const taken = { at, leaseUntil }
    return { deliveries: rows.map((row): Delivery => toDelivery(row, this.#seal, taken)), nextDueAt: next.at }
  }

  settleDelivery({
    id,
    webhookId,
    leaseUntil,
    attempt,
    state,
    nextAttemptAt,
    failing,
    disable,
  }: DeliveryOutcome): boolean {
    const { at, ms, status, obstacle, answer } = attempt
    this.#statements.attempt.run(id, at, ms, status, obstacle, answer.slice(0, ANSWER_KEPT))
    if (failing === true) this.#statements.failing.run({ at, webhookId })
    else if (failing === false) this.#statements.recovered.run(webhookId)
    const disabling = { disable, webhookId, at, since: at - LONGEST_FAILING_MS }
    const ends = disable !== null && this.#statements.disable.run(disabling).changes > 0
    const next = ends ? { state: 'failed', nextAttemptAt: null } : { state, nextAttemptAt }
    const settled = this.#statements.settle.get({ ...next, id, leaseUntil }) as { account_id: AccountId } | undefined
    if (settled !== undefined) this.#events.touchAccount(settled.account_id)
    return ends
  }

  releaseDeliveries({ at }: { at: number }): void {
    this.#statements.release.run(at)
  }
}

function prepare(database: DatabaseSync) {
  return {
    findEndpoint: database.prepare(
      `select account_id, disabled is not null or removed_at is not null as given_up, removed_at is not null as removed
       from webhooks where id = ?`,
    ),
    // Looks at so many of those that wait, and no further: each of them may be one that a person asked for. What is under way is
    // left to its call.
    giveUp: database.prepare(
      `update webhook_deliveries set state = 'failed', next_attempt_at = null where id in (
         select id from (select id, state, next_attempt_at, by_hand, attempts from webhook_deliveries
           where webhook_id = ? and next_attempt_at is not null order by next_attempt_at limit ? + 0)
         where (state = 'waiting' or next_attempt_at <= ?) and (by_hand is null or (? and attempts > 0)))`,
    ),
    findDue: database.prepare(
      `select d.id, d.attempts, w.id as webhook_id, w.type, w.url, w.secret, w.secret_before, w.secret_changed_at,
       w.failing_since, a.id as account_id, a.email, a.plan, a.webhook_secret, a.webhook_secret_before,
       a.webhook_secret_changed_at, e.id as event_id, e.line_id, e.event, e.at
       from webhook_deliveries d join webhooks w on w.id = d.webhook_id join accounts a on a.id = d.account_id
       join events e on e.id = d.event_id
       where d.webhook_id = ? and d.next_attempt_at is not null and d.next_attempt_at <= ? and (d.by_hand = 1 or not ?)
       order by d.next_attempt_at limit ? + 0`,
    ),
    claim: database.prepare(`update webhook_deliveries set state = 'sending', next_attempt_at = ? where id = ?`),
    findNextDue: database.prepare(
      'select min(next_attempt_at) as at from webhook_deliveries where webhook_id = ? and next_attempt_at is not null',
    ),
    attempt: database.prepare(
      'insert into webhook_attempts (delivery_id, at, ms, status, obstacle, answer) values (?, ?, ?, ?, ?, ?)',
    ),
    settle: database.prepare(
      `update webhook_deliveries set attempts = attempts + 1,
         state = iif(state = 'sending' and next_attempt_at = :leaseUntil, :state, state),
         next_attempt_at = iif(state = 'sending' and next_attempt_at = :leaseUntil, :nextAttemptAt, next_attempt_at)
       where id = :id returning account_id`,
    ),
    recovered: database.prepare('update webhooks set failing_since = null where id = ? and failing_since is not null'),
    // That a call failed which was sent before it was enabled says nothing of it.
    failing: database.prepare(
      `update webhooks set failing_since = :at where id = :webhookId and failing_since is null
         and coalesce(enabled_at, 0) <= :at`,
    ),
    // It may have been enabled since that was sent, or have taken something.
    disable: database.prepare(
      `update webhooks set disabled = :disable where id = :webhookId and coalesce(enabled_at, 0) <= :at
         and (:disable = 'gone' or failing_since <= :since)`,
    ),
    // Each endpoint's lane for itself, beyond what is due anyway: by the state alone a start read all that was ever sent. What was
    // recorded later than now, or tried, would wait for a time of a clock that was set back.
    release: database.prepare(
      `update webhook_deliveries set next_attempt_at = ?1 where id in (
         select d.id from webhooks w cross join webhook_deliveries d
         where d.webhook_id = w.id and d.next_attempt_at > ?1
           and (d.state = 'sending' or d.created_at > ?1 or d.next_attempt_at > ?1 + ${LONGEST_WAIT_MS}))`,
    ),
  }
}
