import { sql } from 'kysely'
import type { Credentials } from '../core/account.ts'
import type { AccountEvent } from '../core/account-event.ts'
import type { Trouble } from '../core/console.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId, DeliveryId, EventId, LineId, MessageId, WebhookId } from '../core/id.ts'
import { type Delivery, type DeliveryLog, type EndpointType, ROTATION_MS, WEBHOOK_FOR } from '../core/webhook.ts'
import type { DeliveryListCall } from '../core/webhook-store.ts'
import { authenticate } from './accounts.ts'
import type { Context } from './context.ts'
import { toEndpoint } from './endpoints.ts'
import type { Nudging } from './events.ts'
import type { Seal } from './seal.ts'
import { PURPOSE } from './webhooks.ts'

/** So many that wait for an endpoint that is given up are ended at once: small enough to hold up nobody. */
export const GIVEN_UP_AT_ONCE = 1_000

export async function listDeliveries(context: Context, call: DeliveryListCall): Promise<DeliveryLog[]> {
  const account = await authenticate(context, call.credentials)
  let query = deliveriesOf(context).where('d.account_id', '=', account.id).orderBy('d.id', 'desc').limit(call.limit)
  if (call.state !== undefined) query = query.where('d.state', '=', call.state)
  if (call.before !== undefined) query = query.where('d.id', '<', call.before)
  return withAttempts(context, query)
}

/** What an event told of. */
export interface Subject {
  readonly type: AccountEvent['type']
  /** The number of the message or receipt. */
  readonly subject: number
}

/** What was told of these, newest first. */
export async function deliveriesAbout(
  context: Context,
  accountId: AccountId,
  subjects: readonly Subject[],
): Promise<DeliveryLog[]> {
  const events = await context.db
    .selectFrom('events')
    .select('id')
    .where((eb) =>
      eb.or(subjects.map(({ type, subject }) => eb.and([eb('type', '=', type), eb('subject', '=', subject)]))),
    )
    .execute()
  if (events.length === 0) return []
  const ids = events.map(({ id }) => id)
  const told = deliveriesOf(context)
    .where('e.account_id', '=', accountId)
    .where('d.event_id', 'in', ids)
    // `+ 0`: in the order of the ids as they are, PostgreSQL may go back through all that were ever made.
    .orderBy(sql`d.id + 0`, 'desc')
    .limit(MOST_ABOUT)
  return withAttempts(context, told)
}

const MOST_ABOUT = 100

/** What was tried and not taken of what was to be told of these messages. */
export async function troublesOf(
  { db }: Context,
  accountId: AccountId,
  messageIds: readonly MessageId[],
): Promise<Trouble[]> {
  if (messageIds.length === 0) return []
  const rows = await db
    .selectFrom('events as e')
    .innerJoin('webhook_deliveries as d', 'd.event_id', 'e.id')
    .innerJoin('webhook_attempts as t', (join) =>
      join.on('t.id', '=', (eb) =>
        eb
          .selectFrom('webhook_attempts')
          .whereRef('delivery_id', '=', 'd.id')
          .select(({ fn }) => fn.max('id').as('id')),
      ),
    )
    .select(['e.subject', 'd.state', 't.status', 't.obstacle'])
    .where('e.type', '=', 'message.received')
    .where('e.subject', 'in', messageIds)
    // By the event: by itself it would lead the planner through all that the account was ever sent.
    .where('e.account_id', '=', accountId)
    .where('d.state', '<>', 'delivered')
    .execute()
  return rows.map(({ subject, ...trouble }) => ({ ...trouble, messageId: subject as MessageId }))
}

function deliveriesOf({ db }: Context) {
  return db
    .selectFrom('webhook_deliveries as d')
    .innerJoin('webhooks as w', 'w.id', 'd.webhook_id')
    .innerJoin('events as e', 'e.id', 'd.event_id')
    .selectAll('d')
    .select(['w.url', 'w.type', 'e.line_id', 'e.event', 'e.at'])
}

async function withAttempts({ db }: Context, query: ReturnType<typeof deliveriesOf>): Promise<DeliveryLog[]> {
  const rows = await query.execute()
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const attempts = await db
    .selectFrom('webhook_attempts')
    .selectAll()
    .where('delivery_id', 'in', ids)
    .orderBy('id')
    .execute()
  const byDelivery = Map.groupBy(attempts, ({ delivery_id }) => delivery_id)
  return rows.map((row) => ({
    id: row.id,
    webhookId: row.webhook_id,
    url: row.url,
    type: row.type,
    event: toEvent(row),
    state: row.state,
    createdAt: row.created_at,
    nextAttemptAt: row.state === 'waiting' ? row.next_attempt_at : null,
    attempts: (byDelivery.get(row.id) ?? []).map(({ id: _id, delivery_id: _delivery, ...attempt }) => attempt),
  }))
}

export async function redeliver(
  context: Context,
  { credentials, id, at }: { credentials: Credentials; id: DeliveryId; at: number },
): Promise<Nudging<void>> {
  const { db } = context
  const account = await authenticate(context, credentials)
  const endpoint = await db
    .selectFrom('webhook_deliveries as d')
    .innerJoin('webhooks as w', 'w.id', 'd.webhook_id')
    .select(['w.id', 'w.type'])
    .where('d.id', '=', id)
    .where('d.account_id', '=', account.id)
    .executeTakeFirst()
  if (endpoint === undefined) throw new ReadbackError('not_found', 'No such webhook delivery')
  await db
    .updateTable('webhook_deliveries')
    .set({ state: 'waiting', attempts: 0, next_attempt_at: at, by_hand: 1 })
    .where('id', '=', id)
    .execute()
  return { answer: undefined, endpoints: [toEndpoint(endpoint.id, account.id, endpoint.type)] }
}

/** As the endpoint would have got it. */
export async function testWebhook(
  context: Context,
  { credentials, id, at }: { credentials: Credentials; id: WebhookId; at: number },
): Promise<Nudging<void>> {
  const { db } = context
  const account = await authenticate(context, credentials)
  const webhook = await db
    .selectFrom('webhooks')
    .select('type')
    .where('id', '=', id)
    .where('account_id', '=', account.id)
    .where('removed_at', 'is', null)
    .executeTakeFirst()
  if (webhook === undefined) throw new ReadbackError('not_found', 'No such webhook')
  const types = Object.entries(WEBHOOK_FOR).filter(([, type]) => type === webhook.type)
  const event = await db
    .selectFrom('events')
    .select('id')
    .where('account_id', '=', account.id)
    .where(
      'type',
      'in',
      types.map(([type]) => type as AccountEvent['type']),
    )
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (event === undefined)
    throw new ReadbackError('invalid', 'There is nothing to send yet: no such event has happened')
  // Written as it is: whoever forgets it at this moment sees that it is needed again, or this one sees that it is gone.
  await db
    .updateTable('events')
    .set((row) => ({ at: row.ref('at') }))
    .where('id', '=', event.id)
    .execute()
  await db
    .insertInto('webhook_deliveries')
    .values({
      account_id: account.id,
      webhook_id: id,
      event_id: event.id,
      next_attempt_at: at,
      by_hand: 1,
      created_at: at,
    })
    .execute()
  return { answer: undefined, endpoints: [toEndpoint(id, account.id, webhook.type)] }
}

/** A delivery that is due, with all that it takes to send it. */
export interface ClaimedRow {
  readonly id: DeliveryId
  readonly attempts: number
  readonly webhook_id: WebhookId
  readonly type: EndpointType
  readonly url: string
  readonly secret: string | null
  readonly secret_before: string | null
  readonly secret_changed_at: number | null
  readonly failing_since: number | null
  readonly account_id: AccountId
  readonly email: string
  readonly plan: string
  readonly webhook_secret: string | null
  readonly webhook_secret_before: string | null
  readonly webhook_secret_changed_at: number | null
  readonly event_id: EventId
  readonly line_id: LineId
  readonly event: string
  readonly at: number
}

/** Taken at that time. */
export function toDelivery(
  row: ClaimedRow,
  seal: Seal,
  { at, leaseUntil }: { at: number; leaseUntil: number },
): Delivery {
  return {
    id: row.id,
    webhookId: row.webhook_id,
    url: row.url,
    type: row.type,
    event: toEvent(row),
    account: { id: row.account_id, email: row.email, plan: row.plan },
    secrets: secretsOf(row, at - ROTATION_MS).map((text) => seal.open(PURPOSE, text)),
    attempts: row.attempts,
    failingSince: row.failing_since,
    leaseUntil,
  }
}

/** The endpoint's own, or the account's; then what signed before it, be it that the endpoint had another, or none of its own. */
function secretsOf(row: ClaimedRow, since: number): string[] {
  const { secret, webhook_secret } = row
  const isLater = (changedAt: number | null) => (changedAt ?? 0) > since
  const before = [
    isLater(row.secret_changed_at) ? (row.secret_before ?? webhook_secret) : null,
    secret === null && isLater(row.webhook_secret_changed_at) ? row.webhook_secret_before : null,
  ]
  return [...new Set([secret ?? webhook_secret, ...before])].filter((sealed) => sealed !== null)
}

function toEvent(row: Pick<ClaimedRow, 'event_id' | 'account_id' | 'line_id' | 'event' | 'at'>): Delivery['event'] {
  return { id: row.event_id, accountId: row.account_id, lineId: row.line_id, at: row.at, event: JSON.parse(row.event) }
}
