import type { DatabaseSync } from 'node:sqlite'
import type { AccountEvent } from '../../core/account-event.ts'
import type { AccountId, EventId, WebhookId } from '../../core/id.ts'
import type { Changes } from '../../core/store.ts'
import { STATUS_CALLBACK, WEBHOOK_FOR } from '../../core/webhook.ts'
import { type EventSubject, subjectOf } from '../events.ts'

/** Records events with their causes, and a delivery for each endpoint that wants one, on SQLite. */
export class Events {
  readonly #statements: ReturnType<typeof prepare>
  /** Of the transaction under way, and of those committed since anybody asked. */
  #pending = nothing()
  #committed = nothing()

  constructor(database: DatabaseSync) {
    this.#statements = prepare(database)
  }

  /** `callback`: the message's own endpoint, beside those of the account. */
  record({ accountId, lineId, number }: EventSubject, event: AccountEvent, at: number, callback?: string | null): void {
    const told = JSON.stringify(event)
    const row = this.#statements.insert.run(accountId, lineId, event.type, told, subjectOf(event), at)
    this.touchAccount(accountId)
    this.#pending.events = true
    const wanted = WEBHOOK_FOR[event.type]
    if (wanted === undefined) return
    const webhooks = this.#statements.findWebhooks.all(accountId, wanted) as unknown as WebhookRow[]
    const wanting = webhooks.filter(({ numbers }) => numbers === null || JSON.parse(numbers).includes(number))
    const own = callback == null ? undefined : this.#statements.findCallback.get(accountId, STATUS_CALLBACK, callback)
    for (const { id } of own === undefined ? wanting : [...wanting, own as unknown as WebhookRow]) {
      this.#statements.deliver.run(accountId, id, row.lastInsertRowid as EventId, at, at)
      this.#pending.webhookIds.add(id)
    }
  }

  /** There is something due for an endpoint that no event of this batch brought. */
  touch(webhookId: WebhookId): void {
    this.#pending.webhookIds.add(webhookId)
  }

  touchAccount(accountId: AccountId): void {
    this.#pending.accountIds.add(accountId)
  }

  /** Something changed that is rare enough for everybody to look. */
  touchAll(): void {
    this.#pending.all = true
  }

  begin(): void {
    this.#pending = nothing()
  }

  committed(): void {
    for (const id of this.#pending.webhookIds) this.#committed.webhookIds.add(id)
    for (const id of this.#pending.accountIds) this.#committed.accountIds.add(id)
    this.#committed.events ||= this.#pending.events
    this.#committed.all ||= this.#pending.all
    this.#pending = nothing()
  }

  /** What was committed since the last call leaves for others to do. */
  takeChanges(): Changes {
    const { webhookIds, events, accountIds, all } = this.#committed
    this.#committed = nothing()
    return { webhookIds: [...webhookIds], events, touched: all ? 'all' : [...accountIds] }
  }
}

function nothing() {
  return { webhookIds: new Set<WebhookId>(), events: false, accountIds: new Set<AccountId>(), all: false }
}

interface WebhookRow {
  readonly id: WebhookId
  readonly numbers: string | null
}

function prepare(database: DatabaseSync) {
  return {
    insert: database.prepare(
      'insert into events (account_id, line_id, type, event, subject, at) values (?, ?, ?, ?, ?, ?)',
    ),
    findWebhooks: database.prepare(
      `select id, numbers from webhooks
       where account_id = ? and type = ? and removed_at is null and disabled is null`,
    ),
    findCallback: database.prepare(
      `select id from webhooks
       where account_id = ? and type = ? and url = ? and removed_at is null and disabled is null`,
    ),
    deliver: database.prepare(
      `insert into webhook_deliveries (account_id, webhook_id, event_id, next_attempt_at, created_at)
       values (?, ?, ?, ?, ?)`,
    ),
  }
}
