import { randomBytes } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { Credentials } from '../core/account.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId } from '../core/id.ts'
import type { Store } from '../core/store.ts'
import {
  type Endpoint,
  type EndpointType,
  STATUS_CALLBACK,
  urlAsCalled,
  WEBHOOK_TYPES,
  type Webhook,
  type WebhookDraft,
  type WebhookType,
} from '../core/webhook.ts'
import { MOST_WEBHOOKS, TOO_MANY_WEBHOOKS, type WebhookChange, type WebhookSettings } from '../core/webhook-store.ts'
import { authenticate } from './accounts.ts'
import type { Context } from './context.ts'
import type { Nudging } from './events.ts'
import { checkOwnNumbers } from './lines.ts'
import type { Seal } from './seal.ts'
import type { Tables } from './tables.ts'

/** What an endpoint's secret is sealed for. */
export const PURPOSE = 'webhook secret'

export async function listWebhooks(
  context: Context,
  { credentials }: { credentials: Credentials },
): Promise<WebhookSettings> {
  const { id } = await authenticate(context, credentials)
  return settingsOf(context, id)
}

export async function addWebhooks(context: Context, change: WebhookChange): Promise<Nudging<WebhookSettings>> {
  const { id } = await authenticate(context, change.credentials)
  await takeTurn(context, id)
  const numbers = change.webhooks.flatMap((draft) => draft.numbers ?? [])
  await checkOwnNumbers(context, { accountId: id, numbers, field: NUMBERS_FIELD })
  const live = (await liveOf(context, id)).map((row) => toWebhook(row, context.seal))
  const find = finderOf(live)
  const added = change.webhooks.filter((draft) => find(draft) === undefined)
  if (live.length + added.length > MOST_WEBHOOKS) throw tooMany()
  await keepGlobalSecret(context, id, change)
  for (const draft of change.webhooks) {
    const known = find(draft)
    const secret = draft.secret ?? known?.secret ?? null
    const whole = { ...draft, secret, numbers: draft.numbers ?? known?.numbers ?? null }
    await upsert(context, id, whole, change.at, known?.url)
  }
  return { answer: await settingsOf(context, id), endpoints: [] }
}

export async function replaceWebhooks(context: Context, change: WebhookChange): Promise<Nudging<WebhookSettings>> {
  const { id } = await authenticate(context, change.credentials)
  await takeTurn(context, id)
  const live = await liveOf(context, id)
  const find = finderOf(live)
  // A list that was read and given back is taken, though one of its lines is gone since.
  const numbers = change.webhooks.flatMap((draft) => {
    const known: readonly string[] = JSON.parse(find(draft)?.numbers ?? '[]')
    return draft.numbers?.filter((number) => !known.includes(number)) ?? []
  })
  await checkOwnNumbers(context, { accountId: id, numbers, field: NUMBERS_FIELD })
  if (change.webhooks.length > MOST_WEBHOOKS) throw tooMany()
  await keepGlobalSecret(context, id, change)
  const kept = new Map(change.webhooks.map((draft) => [draft, find(draft)]))
  const gone = live.filter((row) => !kept.values().some((known) => known === row))
  const endpoints = await remove(context, gone, change.at)
  for (const [draft, known] of kept) await upsert(context, id, draft, change.at, known?.url)
  return { answer: await settingsOf(context, id), endpoints }
}

export async function removeWebhooks(
  context: Context,
  { credentials, type, urls, at }: Parameters<Store['removeWebhooks']>[0],
): Promise<Nudging<void>> {
  const { id } = await authenticate(context, credentials)
  await takeTurn(context, id)
  const find = finderOf(await liveOf(context, id))
  const gone = new Set(urls.flatMap((url) => find({ type, url }) ?? []))
  return { answer: undefined, endpoints: await remove(context, [...gone], at) }
}

/** Makes sure that a message's `status_callback` can be called: each URL is an endpoint, signed for by the account's secret. */
export async function openCallback(
  context: Context,
  id: AccountId,
  { url, at }: { url: string; at: number },
): Promise<void> {
  await keepGlobalSecret(context, id, { at })
  await upsert(context, id, { type: STATUS_CALLBACK, url, secret: null, numbers: null }, at)
}

type WebhookRow = Selectable<Tables['webhooks']>

async function settingsOf(context: Context, id: AccountId): Promise<WebhookSettings> {
  const { seal, db } = context
  const { webhook_secret } = await db
    .selectFrom('accounts')
    .select('webhook_secret')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return {
    webhooks: (await liveOf(context, id)).map((row) => toWebhook(row, seal)),
    globalSecret: webhook_secret === null ? '' : seal.open(PURPOSE, webhook_secret),
  }
}

/** Those that the account lists: a message's own are none of them. */
function liveOf({ db }: Context, id: AccountId): Promise<WebhookRow[]> {
  return db
    .selectFrom('webhooks')
    .selectAll()
    .where('account_id', '=', id)
    .where('removed_at', 'is', null)
    .where('type', 'in', WEBHOOK_TYPES)
    .orderBy('id')
    .execute()
}

function toWebhook(row: WebhookRow, seal: Seal): Webhook {
  return {
    id: row.id,
    type: row.type as WebhookType,
    url: row.url,
    secret: row.secret === null ? null : seal.open(PURPOSE, row.secret),
    numbers: row.numbers === null ? null : JSON.parse(row.numbers),
    disabled: row.disabled,
    failingSince: row.failing_since,
    createdAt: row.created_at,
  }
}

type Named = Pick<WebhookRow, 'type' | 'url'>

/** Finds the endpoint that is meant, however its URL is spelt. As it is spelt goes first: an older store may have it both ways. */
function finderOf<Known extends Named>(live: readonly Known[]): (named: Named) => Known | undefined {
  const spelt = ({ type, url }: Named) => `${type} ${url}`
  const called = ({ type, url }: Named) => `${type} ${urlAsCalled(url)}`
  const [bySpelling, byCall] = [spelt, called].map((key) => new Map(live.map((known) => [key(known), known])))
  return (named) => bySpelling?.get(spelt(named)) ?? byCall?.get(called(named))
}

/** Changes of one account's endpoints go one after the other: none decides by a list that another is about to change. */
async function takeTurn({ db }: Context, id: AccountId): Promise<void> {
  await db
    .updateTable('accounts')
    .set((row) => ({ webhook_secret_changed_at: row.ref('webhook_secret_changed_at') }))
    .where('id', '=', id)
    .execute()
}

type EndpointDraft = Omit<WebhookDraft, 'type'> & { readonly type: EndpointType }

/** As it is given: what the draft leaves out, the endpoint has not. `knownAs`: its URL as it was spelt so far. */
async function upsert(
  { db, seal }: Context,
  accountId: AccountId,
  draft: EndpointDraft,
  at: number,
  knownAs = draft.url,
): Promise<void> {
  const { type, url, numbers } = draft
  const sealed = draft.secret === null ? null : seal.close(PURPOSE, draft.secret)
  const known = await db
    .selectFrom('webhooks')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('type', '=', type)
    .where('url', '=', knownAs)
    .where('removed_at', 'is', null)
    .executeTakeFirst()
  const enabled = { disabled: null, failing_since: null, enabled_at: at }
  const kept = { numbers: numbers === null ? null : JSON.stringify(numbers), ...enabled }
  if (known !== undefined) {
    const before = known.secret === null ? null : seal.open(PURPOSE, known.secret)
    const rotated =
      before === draft.secret ? {} : { secret: sealed, secret_before: known.secret, secret_changed_at: at }
    // A callback is as old as the last message that named it.
    const renewed = type === STATUS_CALLBACK ? { created_at: at } : {}
    const { numUpdatedRows } = await db
      .updateTable('webhooks')
      .set({ ...kept, ...renewed, ...rotated, ...(url === knownAs ? {} : { url }) })
      .where('id', '=', known.id)
      .executeTakeFirst()
    // Unless it was forgotten at this moment.
    if (numUpdatedRows > 0n) return
  }
  const unchanged = { secret_before: null, secret_changed_at: null }
  const made = { account_id: accountId, type, url, secret: sealed, ...unchanged }
  await db
    .insertInto('webhooks')
    .values({ ...made, ...kept, removed_at: null, created_at: at })
    .execute()
}

/** Their lanes end what waits for them. */
async function remove({ db }: Context, rows: readonly WebhookRow[], at: number): Promise<readonly Endpoint[]> {
  const ids = rows.map(({ id }) => id)
  if (ids.length > 0) await db.updateTable('webhooks').set({ removed_at: at }).where('id', 'in', ids).execute()
  return ids.map((id) => ({ id, callbackOf: null }))
}

/** Made for the account where it has none, so that whatever is sent is signed. */
async function keepGlobalSecret(
  { db, seal }: Context,
  id: AccountId,
  { globalSecret, at }: Pick<WebhookChange, 'globalSecret' | 'at'>,
): Promise<void> {
  const { webhook_secret: before } = await db
    .selectFrom('accounts')
    .select('webhook_secret')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  if (before !== null && (globalSecret === undefined || seal.open(PURPOSE, before) === globalSecret)) return
  const secret = globalSecret ?? `whsec_${randomBytes(32).toString('base64')}`
  await db
    .updateTable('accounts')
    .set({
      webhook_secret: seal.close(PURPOSE, secret),
      webhook_secret_before: before,
      webhook_secret_changed_at: at,
    })
    .where('id', '=', id)
    // Another call may have made one at this moment.
    .where('webhook_secret', before === null ? 'is' : '=', before)
    .execute()
}

const NUMBERS_FIELD = 'sendblue_numbers'

function tooMany(): ReadbackError {
  return new ReadbackError('invalid', TOO_MANY_WEBHOOKS)
}
