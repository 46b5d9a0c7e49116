import { type RawBuilder, sql } from 'kysely'
import type { AccountId, WebhookId } from '../core/id.ts'
import { type Endpoint, type EndpointType, STATUS_CALLBACK } from '../core/webhook.ts'
import type { DeliveryOutbox, DueEndpoints } from '../core/webhook-store.ts'
import type { Context } from './context.ts'

interface Waiting {
  readonly id: WebhookId
  readonly accountId: AccountId
  readonly type: EndpointType
  /** Null where there is no such endpoint any more; 0 where it is to be given up. */
  readonly dueAt: number | null
}

/**
 * From one endpoint to the next that something waits for, in the lanes' index: so a look costs by what it looks at, however many
 * endpoints there are, and however much waits for one of them.
 */
export async function findDueEndpoints(
  { db }: Context,
  { after, limit, by }: Parameters<DeliveryOutbox['findDueEndpoints']>[0],
): Promise<DueEndpoints> {
  const behind = (id: RawBuilder<unknown>) => sql`(select d.webhook_id from webhook_deliveries d
    where d.next_attempt_at is not null and d.webhook_id > ${id} order by d.webhook_id limit 1)`
  const { rows } = await sql<Waiting>`
    with recursive waiting (id, number) as (
      select ${behind(sql`${after}`)}, 1
      union all select ${behind(sql`waiting.id`)}, number + 1 from waiting where id is not null and number < ${limit})
    select waiting.id, w.account_id as "accountId", w.type,
      case when w.id is null then null when w.disabled is not null or w.removed_at is not null then 0 else (select d.next_attempt_at
        from webhook_deliveries d where d.webhook_id = w.id and d.next_attempt_at is not null order by d.next_attempt_at limit 1)
        end as "dueAt"
    from waiting left join webhooks w on w.id = waiting.id where waiting.id is not null order by waiting.number`.execute(
    db,
  )
  const endpoints = rows.flatMap(({ id, accountId, type, dueAt }) =>
    dueAt !== null && dueAt <= by ? [{ ...toEndpoint(id, accountId, type), dueAt }] : [],
  )
  const goOnAfter = rows.length < limit ? null : (rows.at(-1)?.id ?? null)
  return { endpoints, goOnAfter }
}

export function toEndpoint(id: WebhookId, accountId: AccountId, type: EndpointType): Endpoint {
  return { id, callbackOf: type === STATUS_CALLBACK ? accountId : null }
}
