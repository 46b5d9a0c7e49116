import type { AccountEvent } from '../../core/account-event.ts'
import type { AccountId, LineId, WebhookId } from '../../core/id.ts'
import { bucketOf, minuteOf } from '../../core/overview.ts'
import type { Receipt } from '../../core/receipt.ts'
import { type Endpoint, type EndpointType, STATUS_CALLBACK, WEBHOOK_FOR } from '../../core/webhook.ts'
import { toEndpoint } from '../endpoints.ts'
import { subjectOf, type Told } from '../events.ts'
import { plannedOnce, type Statement, type Transaction } from './transactions.ts'

/**
 * Records events with their causes, and a delivery for each endpoint that wants one; answers the endpoints. The last thing that a
 * transaction does: events are written by one transaction at a time, so that whoever has read up to one of them has missed none
 * before it. Ids alone would not say so, since a node may commit a smaller one later. From the lock on nothing is asked of the node
 * any more, the commit comes along: one that is far away, or falls silent, keeps nobody else waiting.
 */
export async function recordEvents(
  transaction: Transaction,
  told: readonly Told[],
  found?: readonly WebhookRow[],
): Promise<Endpoint[]> {
  if (told.length === 0) return []
  const webhooks = found ?? (await findWebhooks(transaction, told))
  const deliveries = told.flatMap((each, index) =>
    webhooks.filter((webhook) => wants(webhook, each)).map((webhook) => ({ webhook, number: index + 1 })),
  )
  transaction.write(ONE_AT_A_TIME, [])
  const events = [
    told.map(({ accountId }) => accountId),
    told.map(({ lineId }) => lineId),
    told.map(({ event }) => event.type),
    told.map(({ event }) => JSON.stringify(event)).join(SEPARATOR),
    told.map(({ event }) => subjectOf(event)),
    told.map(({ at }) => at),
  ]
  if (deliveries.length === 0) transaction.write(INSERT, events)
  else {
    const numbers = deliveries.map(({ number }) => number)
    transaction.write(INSERT_AND_DELIVER, [...events, numbers, deliveries.map(({ webhook }) => webhook.id)])
  }
  tally(transaction, told)
  const wanting = new Set(deliveries.map(({ webhook }) => webhook))
  return [...wanting].map(({ id, account_id, type }) => toEndpoint(id, account_id, type))
}

/** As much of what is told as it takes to know who may want to hear of it. */
export interface ToBeTold extends Pick<Told, 'accountId' | 'callback'> {
  readonly event: Pick<AccountEvent, 'type'>
}

/** What {@link recordEvents} would look for itself: asked beside something else, it costs no round trip. */
export async function findWebhooks(
  transaction: Transaction,
  told: readonly ToBeTold[],
): Promise<readonly WebhookRow[]> {
  const accounts = [...new Set(told.map(({ accountId }) => accountId))]
  const callbacks = [...new Set(told.flatMap(({ callback }) => callback ?? []))]
  const types = [...new Set(told.flatMap(({ event }) => WEBHOOK_FOR[event.type] ?? []))]
  return types.length === 0 ? [] : transaction.rows<WebhookRow>(FIND_WEBHOOKS, [accounts, types, callbacks])
}

/** A receipt as the statement that settled it left it. */
export type SettledRow = Receipt & { readonly lineId: LineId }

export function toSettlement({ lineId, ...receipt }: SettledRow): Told {
  const { accountId, fromNumber: number, settledAt } = receipt
  return {
    accountId,
    lineId,
    number,
    event: { type: 'receipt.settled', receipt },
    callback: null,
    at: settledAt as number,
  }
}

/** What an account's receipts came to. One transaction at a time comes here, so nobody waits for a row of another's. */
function tally(transaction: Transaction, told: readonly Told[]): void {
  const settled = told.flatMap(({ event, at }) => ('receipt' in event ? [{ receipt: event.receipt, at }] : []))
  if (settled.length === 0) return
  transaction.write(TALLY, [
    settled.map(({ receipt }) => receipt.accountId),
    settled.map(({ at }) => minuteOf(at)),
    settled.map(({ receipt }) => receipt.state),
    settled.map(({ receipt, at }) => bucketOf(at - receipt.requestedAt)),
  ])
}

function wants(webhook: WebhookRow, { accountId, event, number, callback }: Told): boolean {
  const { account_id, type, url, numbers } = webhook
  if (account_id !== accountId) return false
  const wanted = WEBHOOK_FOR[event.type]
  if (wanted === undefined) return false
  if (type === STATUS_CALLBACK) return url === callback
  return type === wanted && (numbers === null || (JSON.parse(numbers) as string[]).includes(number))
}

export interface WebhookRow {
  readonly id: WebhookId
  readonly account_id: AccountId
  readonly type: EndpointType
  readonly url: string
  readonly numbers: string | null
}

const ONE_AT_A_TIME: Statement = {
  name: 'events of one transaction at a time',
  text: `select pg_advisory_xact_lock(hashtextextended('readback events', 0))`,
}
const FIND_LIVE = `select id, account_id, type, url, numbers from webhooks
  where account_id = any($1::bigint[]) and removed_at is null and disabled is null`
/** A message's own callback is one of many that its account has had, so it is looked up by its URL, and the others by their types. */
const FIND_WEBHOOKS = plannedOnce({
  name: 'find webhooks',
  text: `${FIND_LIVE} and type = any($2::text[])
    union all ${FIND_LIVE} and type = '${STATUS_CALLBACK}' and url = any($3::text[]) order by id`,
})
/** JSON has it escaped. As an array, each quote would be escaped here and unescaped there. */
const SEPARATOR = '\x1f'
const INSERTING = `insert into events (account_id, line_id, type, event, subject, at)
    select account_id, line_id, type, event, subject, at
    from unnest($1::bigint[], $2::bigint[], $3::text[], string_to_array($4::text, '${SEPARATOR}'), $5::bigint[], $6::bigint[])
      with ordinality as k (account_id, line_id, type, event, subject, at, n) order by n`
const INSERT = plannedOnce({ name: 'insert events', text: INSERTING })
/** With the endpoints that want them, each with the number of its event among these. Ids are given in their order. */
const INSERT_AND_DELIVER = plannedOnce({
  name: 'insert events with deliveries',
  text: `with told as (${INSERTING} returning id, account_id, at),
    numbered as (select told.*, row_number() over (order by id) as number from told)
    insert into webhook_deliveries (account_id, webhook_id, event_id, next_attempt_at, created_at)
    select account_id, webhook_id, numbered.id, at, at from unnest($7::bigint[], $8::bigint[]) as k (number, webhook_id)
      join numbered using (number)`,
})
const TALLY: Statement = {
  name: 'tally receipts',
  text: `insert into receipt_minutes as m (account_id, minute, state, bucket, receipts)
    select account_id, minute, state, bucket, count(*) from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[])
      as k (account_id, minute, state, bucket) group by 1, 2, 3, 4
    on conflict (account_id, minute, state, bucket) do update set receipts = m.receipts + excluded.receipts`,
}
