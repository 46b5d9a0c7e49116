import type { DatabaseSync } from 'node:sqlite'
import type { AccountEvent } from '../../core/account-event.ts'
import type { AccountId, EventId, WebhookId } from '../../core/id.ts'
import type { Changes } from '../../core/store.ts'
import { type Endpoint, STATUS_CALLBACK, WEBHOOK_FOR } from '../../core/webhook.ts'
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
    const endpoints: Endpoint[] = wanting.map(({ id }) => ({ id, callbackOf: null }))
    if (own !== undefined) endpoints.push({ id: (own as unknown as WebhookRow).id, callbackOf: accountId })
    for (const endpoint of endpoints) {
      this.#statements.deliver.run(accountId, endpoint.id, row.lastInsertRowid as EventId, at, at)
      this.touch(endpoint)
    }
  }

  /** There is something due for it. */
  touch(endpoint: Endpoint): void {
    this.#pending.endpoints.set(endpoint.id, endpoint)
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
    for (const [id, endpoint] of this.#pending.endpoints) this.#committed.endpoints.set(id, endpoint)
    for (const id of this.#pending.accountIds) this.#committed.accountIds.add(id)
    this.#committed.events ||= this.#pending.events
    this.#committed.all ||= this.#pending.all
    this.#pending = nothing()
  }

  /** What was committed since the last call leaves for others to do. */
  takeChanges(): Changes {
    const { endpoints, events, accountIds, all } = this.#committed
    this.#committed = nothing()
    return { endpoints: [...endpoints.values()], events, touched: all ? 'all' : [...accountIds] }
  }
}

function nothing() {
  return { endpoints: new Map<WebhookId, Endpoint>(), events: false, accountIds: new Set<AccountId>(), all: false }
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
