import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { formatId } from '../core/id.ts'
import type { Store } from '../core/store.ts'
import {
  DISABLED_REASONS,
  urlAsCalled,
  WEBHOOK_FOR,
  WEBHOOK_TYPES,
  type Webhook,
  type WebhookDraft,
  type WebhookType,
} from '../core/webhook.ts'
import { MOST_WEBHOOKS, TOO_MANY_WEBHOOKS, type WebhookSettings } from '../core/webhook-store.ts'
import type { AddressPolicy } from '../outgoing/address-guard.ts'
import { ok, TIME } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { complaintAbout } from './customer-url.ts'
import { type Door, door } from './door.ts'
import { isoTime, phoneNumber } from './fields.ts'

/** What the doors to webhooks need. */
export interface WebhookDesk {
  readonly store: Pick<Store, 'listWebhooks' | 'addWebhooks' | 'replaceWebhooks' | 'removeWebhooks'>
  /** Where a customer may be called. */
  readonly customers: AddressPolicy
  readonly now: () => number
}

const TYPE = z.enum(WEBHOOK_TYPES, { error: `\`type\` must be one of ${WEBHOOK_TYPES.join(', ')}` })
const NO_SECRET = { error: 'A secret is 8 to 256 visible ASCII characters' }
const NO_KEY = { error: 'Behind `whsec_` a secret is base64, padded and not empty' }
const SECRET = z
  .string()
  .regex(/^[\x21-\x7e]{8,256}$/, NO_SECRET)
  .refine(isKey, NO_KEY)
/** An account without one lists it as empty: what was read and is given back names none. */
const GLOBAL_SECRET = z
  .string()
  .regex(/^([\x21-\x7e]{8,256})?$/, NO_SECRET)
  .refine(isKey, NO_KEY)
  .transform((given) => (given === '' ? undefined : given))
  .optional()
const NUMBERS = z.array(phoneNumber('`sendblue_numbers` must be lines’ numbers in E.164')).min(1).max(1_000)

/** An endpoint: its URL alone, or with a secret of its own and the lines that it is for. */
function endpoint(policy: AddressPolicy) {
  const whole = z.strictObject({ url: z.string(), secret: SECRET.optional(), sendblue_numbers: NUMBERS.optional() })
  return (
    z
      .union([z.string(), whole], { error: complaintAboutFields })
      .transform((given) => (typeof given === 'string' ? { url: given } : given))
      // Behind the union, which would say no more than that neither fits.
      .superRefine(({ url }, context) => {
        const complaint = complaintAbout(url, policy)
        if (complaint !== undefined) context.addIssue({ code: 'custom', message: `\`webhooks\`: ${complaint}` })
      })
  )
}

/** Those of one type. An endpoint has one secret and one list of lines: two entries that disagree would lose one of them unsaid. */
function endpoints(policy: AddressPolicy) {
  const list = z.array(endpoint(policy)).transform((list, context) => {
    const first = new Map(list.toReversed().map((given) => [urlAsCalled(given.url), given]))
    const firstOf = ({ url }: Endpoint) => first.get(urlAsCalled(url))
    const twice = list.find((given) => !isDeepStrictEqual(given, { ...firstOf(given), url: given.url }))
    if (twice === undefined) return list.filter((given) => given === firstOf(given))
    context.addIssue({ code: 'custom', message: complaintAboutTwo(twice.url, firstOf(twice)?.url) })
    return z.NEVER
  })
  // Before each is looked at: a body has room for 5,000, which is work for a fifth of a second, whoever sent it.
  return z.preprocess((given, context) => {
    if (!Array.isArray(given) || given.length <= MOST_WEBHOOKS) return given
    context.addIssue({ code: 'custom', message: TOO_MANY_WEBHOOKS })
    return z.NEVER
  }, list)
}

const SHOWN = z.union([
  z.string(),
  z.object({ url: z.string(), secret: z.string().optional(), sendblue_numbers: z.array(z.string()).optional() }),
])
const BY_TYPE = Object.fromEntries(WEBHOOK_TYPES.map((type) => [type, z.array(SHOWN)] as const))
const LISTS = z
  .object({ ...(BY_TYPE as Record<WebhookType, z.ZodArray<typeof SHOWN>>), globalSecret: z.string() })
  .meta({ id: 'Webhooks' })
const CHANGED = ok({ message: z.string(), webhooks: LISTS, warnings: z.array(z.string()).optional() })

/** `GET /api/account/webhooks`. */
export function listWebhooksDoor({ store }: WebhookDesk): Door {
  return door({ summary: 'Your webhooks', answer: ok({ webhooks: LISTS }) }, async ({ request }) => {
    const settings = await store.listWebhooks({ credentials: credentialsOf(request) })
    return { status: 'OK', webhooks: settingsToWire(settings) }
  })
}

/** `POST`: appends. `type` is `receive` where absent. */
export function addWebhooksDoor({ store, customers, now }: WebhookDesk): Door {
  const webhooks = endpoints(customers)
  const body = z.strictObject({ webhooks, type: TYPE.default('receive'), globalSecret: GLOBAL_SECRET })
  const shape = { summary: 'Add webhooks', body, answer: CHANGED }
  return door(shape, async ({ body: { webhooks, type, globalSecret }, request }) => {
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
  const lists = Object.fromEntries(WEBHOOK_TYPES.map((type) => [type, endpoints(customers).optional()]))
  const webhooks = z
    .strictObject({ ...lists, globalSecret: GLOBAL_SECRET }, { error: nameTypes })
    .transform(({ globalSecret, ...given }) => ({ globalSecret: globalSecret as string | undefined, given }))
  const shape = { summary: 'Replace all webhooks', body: z.object({ webhooks }), answer: CHANGED }
  return door(shape, async ({ body, request }) => {
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
  const body = z.strictObject({ webhooks: z.array(z.string()).min(1), type: TYPE.default('receive') })
  const shape = { summary: 'Remove webhooks', body, answer: ok({ message: z.string() }) }
  return door(shape, async ({ body: { webhooks, type }, request }) => {
    await store.removeWebhooks({ credentials: credentialsOf(request), type, urls: webhooks, at: now() })
    return { status: 'OK', message: 'Webhooks deleted' }
  })
}

const STATE = z.object({
  webhook_id: z.string(),
  type: z.enum(WEBHOOK_TYPES),
  url: z.string(),
  state: z.enum(['enabled', 'disabled']),
  reason: z.enum(DISABLED_REASONS).nullable(),
  failing_since: TIME.nullable(),
  created_at: TIME,
})

/** `GET /readback/v1/webhooks` [ours]: each endpoint with how it fares. */
export function webhookStatesDoor({ store }: WebhookDesk): Door {
  return door({ summary: 'How your webhooks fare', answer: ok({ data: z.array(STATE) }) }, async ({ request }) => {
    const { webhooks } = await store.listWebhooks({ credentials: credentialsOf(request) })
    return { status: 'OK', data: webhooks.map(stateToWire) }
  })
}

type Endpoint = z.output<ReturnType<typeof endpoint>>

function toDraft(type: WebhookType, given: Endpoint): WebhookDraft {
  const { url, secret, sendblue_numbers } = given as { url: string; secret?: string; sendblue_numbers?: never[] }
  return { type, url, secret: secret ?? null, numbers: sendblue_numbers ?? null }
}

const SENT_TYPES: readonly string[] = Object.values(WEBHOOK_FOR)

/** A known type that this server never sends is taken, and said to be so. */
function answer(message: string, settings: WebhookSettings, types: readonly WebhookType[]): z.output<typeof CHANGED> {
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
function settingsToWire({ webhooks, globalSecret }: WebhookSettings): z.output<typeof LISTS> {
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

function stateToWire({ id, type, url, disabled, failingSince, createdAt }: Webhook): z.output<typeof STATE> {
  return {
    webhook_id: formatId('webhook', id),
    type,
    url,
    state: disabled === null ? 'enabled' : 'disabled',
    reason: disabled,
    failing_since: isoTime(failingSince),
    created_at: isoTime(createdAt),
  }
}

/** Standard Webhooks' own verifiers decode what is behind the prefix, and take nothing that is not strictly base64. */
function isKey(secret: string): boolean {
  if (!secret.startsWith('whsec_')) return true
  const key = secret.slice('whsec_'.length)
  return key !== '' && Buffer.from(key, 'base64').toString('base64') === key
}

/** Of a union zod says no more than that neither fits. A misspelt list of lines, passed over, would be all lines. */
function complaintAboutFields({ errors }: { errors?: readonly (readonly z.core.$ZodIssue[])[] }): string {
  const unknown = errors?.flat().find((issue) => issue.code === 'unrecognized_keys')
  if (unknown !== undefined) return `\`webhooks\`: ${unknown.message}`
  const numbers = errors?.flat().find(({ path }) => path[0] === 'sendblue_numbers')
  return numbers?.message ?? '`webhooks` must be URLs, or objects with a `url`'
}

/** An older store may list both: whoever gives its list back is to know which two are meant. */
function complaintAboutTwo(url: string, otherwise = url): string {
  const spelling = url === otherwise ? '' : `, once as ${otherwise}`
  return `\`webhooks\`: ${url} is there twice${spelling}, and not alike: leave one of them out`
}

function nameTypes(issue: { code?: string }): string | undefined {
  return issue.code === 'unrecognized_keys' ? `\`webhooks\`: the types are ${WEBHOOK_TYPES.join(', ')}` : undefined
}
