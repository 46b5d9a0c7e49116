import { z } from 'zod'
import { ReadbackError } from '../core/errors.ts'
import { formatId, parseId } from '../core/id.ts'
import type { Store, WebhookSettings } from '../core/store.ts'
import { type DeliveryLog, WEBHOOK_FOR, WEBHOOK_TYPES, type WebhookDraft, type WebhookType } from '../core/webhook.ts'
import { type AddressPolicy, isRefusedHost } from '../outgoing/address-guard.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { isoTime, phoneNumber } from './fields.ts'

/** What the doors to webhooks need. */
export interface WebhookDesk {
  readonly store: Pick<
    Store,
    'listWebhooks' | 'addWebhooks' | 'replaceWebhooks' | 'removeWebhooks' | 'listDeliveries' | 'redeliver'
  >
  /** Where a customer may be called. */
  readonly customers: AddressPolicy
  readonly now: () => number
}

const LONGEST_URL = 2_048
const TYPE = z.enum(WEBHOOK_TYPES, { error: `\`type\` must be one of ${WEBHOOK_TYPES.join(', ')}` })
const SECRET = z.string().regex(/^[\x21-\x7e]{8,256}$/, { error: 'A secret is 8 to 256 visible ASCII characters' })
const NUMBERS = z.array(phoneNumber('`sendblue_numbers` must be lines’ numbers in E.164')).min(1).max(1_000)

/** An endpoint: its URL alone, or with a secret of its own and the lines that it is for. */
function endpoint(policy: AddressPolicy) {
  const url = z.string().transform((given, context) => {
    const complaint = complaintAbout(given, policy)
    if (complaint === undefined) return given
    context.addIssue({ code: 'custom', message: `\`webhooks\`: ${complaint}` })
    return z.NEVER
  })
  const whole = z.object({ url, secret: SECRET.optional(), sendblue_numbers: NUMBERS.optional() })
  return z
    .union([url, whole], { error: '`webhooks` must be URLs, or objects with a `url`' })
    .transform((given) => (typeof given === 'string' ? { url: given } : given))
}

/** A literal address is looked at here, so that nobody waits for a webhook that cannot come; a name is when it is called. */
function complaintAbout(given: string, policy: AddressPolicy): string | undefined {
  if (given.length > LONGEST_URL) return `a URL has ${LONGEST_URL} characters at the most`
  const url = URL.parse(given)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return 'a URL must be http or https'
  if (url.username !== '' || url.password !== '') return 'a URL must hold no user name and no password'
  if (isRefusedHost(url.hostname, policy)) return 'a URL must not lead to a private or special address'
  return undefined
}

/** `GET /api/account/webhooks`. */
export function listWebhooksDoor({ store }: WebhookDesk): Door {
  return door({}, async ({ request }) => {
    const settings = await store.listWebhooks({ credentials: credentialsOf(request) })
    return { status: 'OK', webhooks: settingsToWire(settings) }
  })
}

/** `POST`: appends. `type` is `receive` where absent. */
export function addWebhooksDoor({ store, customers, now }: WebhookDesk): Door {
  const webhooks = z.array(endpoint(customers))
  const body = z.object({ webhooks, type: TYPE.default('receive'), globalSecret: SECRET.optional() })
  return door({ body }, async ({ body: { webhooks, type, globalSecret }, request }) => {
    const drafts = webhooks.map((given) => toDraft(type, given))
    const settings = await store.addWebhooks({
      credentials: credentialsOf(request),
      webhooks: drafts,
      ...(globalSecret === undefined ? {} : { globalSecret }),
      at: now(),
    })
    return answer('Webhooks added', settings, [type])
  })
}

/** `PUT`: these and no others, by type. */
export function replaceWebhooksDoor({ store, customers, now }: WebhookDesk): Door {
  const lists = Object.fromEntries(WEBHOOK_TYPES.map((type) => [type, z.array(endpoint(customers)).optional()]))
  const webhooks = z
    .strictObject({ ...lists, globalSecret: SECRET.optional() }, { error: nameTypes })
    .transform(({ globalSecret, ...given }) => ({ globalSecret: globalSecret as string | undefined, given }))
  return door({ body: z.object({ webhooks }) }, async ({ body, request }) => {
    const { given, globalSecret } = body.webhooks
    const byType = Object.entries(given) as [WebhookType, Endpoint[] | undefined][]
    const settings = await store.replaceWebhooks({
      credentials: credentialsOf(request),
      webhooks: byType.flatMap(([type, endpoints]) => (endpoints ?? []).map((each) => toDraft(type, each))),
      ...(globalSecret === undefined ? {} : { globalSecret }),
      at: now(),
    })
    const types = byType.filter(([, endpoints]) => endpoints !== undefined && endpoints.length > 0)
    return answer(
      'Webhooks updated',
      settings,
      types.map(([type]) => type),
    )
  })
}

/** `DELETE`: by URL. One that is not there is as good as deleted. */
export function removeWebhooksDoor({ store, now }: WebhookDesk): Door {
  const body = z.object({ webhooks: z.array(z.string()).min(1), type: TYPE.default('receive') })
  return door({ body }, async ({ body: { webhooks, type }, request }) => {
    await store.removeWebhooks({ credentials: credentialsOf(request), type, urls: webhooks, at: now() })
    return { status: 'OK', message: 'Webhooks deleted' }
  })
}

/** `GET /readback/v1/webhooks` [ours]: each endpoint with how it fares. */
export function webhookStatesDoor({ store }: WebhookDesk): Door {
  return door({}, async ({ request }) => {
    const { webhooks } = await store.listWebhooks({ credentials: credentialsOf(request) })
    return {
      status: 'OK',
      data: webhooks.map(({ id, type, url, disabled, failingSince, createdAt }) => ({
        webhook_id: formatId('webhook', id),
        type,
        url,
        state: disabled === null ? 'enabled' : 'disabled',
        reason: disabled,
        failing_since: isoTime(failingSince),
        created_at: isoTime(createdAt),
      })),
    }
  })
}

const DELIVERIES = z.strictObject({
  state: z.enum(['waiting', 'sending', 'delivered', 'failed']).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().optional(),
})

/** `GET /readback/v1/webhook-deliveries` [ours]: newest first, each with its attempts and the start of each answer. */
export function listDeliveriesDoor({ store }: WebhookDesk): Door {
  return door({ query: DELIVERIES }, async ({ query: { state, limit, cursor }, request }) => {
    const before = cursor === undefined ? undefined : parseId('delivery', cursor)
    if (cursor !== undefined && before === undefined) {
      throw new ReadbackError('invalid', '`cursor` must be a `next_cursor` of an earlier answer')
    }
    const found = await store.listDeliveries({
      credentials: credentialsOf(request),
      limit: limit + 1,
      ...(state === undefined ? {} : { state }),
      ...(before === undefined ? {} : { before }),
    })
    const page = found.slice(0, limit)
    const last = page.at(-1)
    const nextCursor = found.length > limit && last !== undefined ? formatId('delivery', last.id) : null
    return { status: 'OK', data: page.map(deliveryToWire), next_cursor: nextCursor }
  })
}

/** `POST /readback/v1/webhook-deliveries/{id}/redeliver` [ours]: once more, under the same `webhook-id`. */
export function redeliverDoor({ store, now }: WebhookDesk): Door {
  return door({ params: z.object({ id: z.string() }) }, async ({ params, request }) => {
    // An id that cannot exist is looked for all the same: 401 comes before 404.
    const id = parseId('delivery', params.id) ?? (0 as DeliveryLog['id'])
    await store.redeliver({ credentials: credentialsOf(request), id, at: now() })
    return { status: 'OK' }
  })
}

type Endpoint = z.output<ReturnType<typeof endpoint>>

function toDraft(type: WebhookType, given: Endpoint): WebhookDraft {
  const { url, secret, sendblue_numbers } = given as { url: string; secret?: string; sendblue_numbers?: never[] }
  return { type, url, secret: secret ?? null, numbers: sendblue_numbers ?? null }
}

const SENT_TYPES: readonly string[] = Object.values(WEBHOOK_FOR)

/** A known type that this server never sends is taken, and said to be so. */
function answer(message: string, settings: WebhookSettings, types: readonly WebhookType[]): object {
  const warnings = types
    .filter((type) => !SENT_TYPES.includes(type))
    .map((type) => `This server never sends ${type} webhooks`)
  return {
    status: 'OK',
    message,
    webhooks: settingsToWire(settings),
    ...(warnings.length === 0 ? {} : { warnings }),
  }
}

/** As the SDK has it: lists by type, a bare URL where there is no more to tell. */
function settingsToWire({ webhooks, globalSecret }: WebhookSettings): object {
  const lists = WEBHOOK_TYPES.map((type) => [type, webhooks.filter((webhook) => webhook.type === type)] as const)
  const byType = lists.map(([type, list]) => [
    type,
    list.map(({ url, secret, numbers }) =>
      secret === null && numbers === null
        ? url
        : { url, ...(secret === null ? {} : { secret }), ...(numbers === null ? {} : { sendblue_numbers: numbers }) },
    ),
  ])
  return { ...Object.fromEntries(byType), globalSecret }
}

export function deliveryToWire(delivery: DeliveryLog): object {
  const { id, webhookId, type, url, event, state, createdAt, nextAttemptAt, attempts } = delivery
  return {
    delivery_id: formatId('delivery', id),
    webhook_id: formatId('webhook', webhookId),
    event_id: formatId('event', event.id),
    type,
    url,
    state,
    created_at: isoTime(createdAt),
    next_attempt_at: isoTime(nextAttemptAt),
    attempts: attempts.map(({ at, ms, status, obstacle, answer }) => ({
      at: isoTime(at),
      ms,
      status,
      reason: obstacle,
      answer,
    })),
  }
}

function nameTypes(issue: { code?: string }): string | undefined {
  return issue.code === 'unrecognized_keys' ? `\`webhooks\`: the types are ${WEBHOOK_TYPES.join(', ')}` : undefined
}
