import { z } from 'zod'
import type { Account, AccountChange } from '../core/account.ts'
import { ReadbackError } from '../core/errors.ts'
import { parseId } from '../core/id.ts'
import type { AccountStore } from '../core/store.ts'
import { ACCOUNT_ANSWER, accountToWire } from './account.ts'
import { DONE, ok } from './answers.ts'
import { type Door, door } from './door.ts'
import { TIMING } from './timing.ts'

const PLAN = z.string().regex(/^[a-z0-9_]{1,64}$/, { error: '`plan` must be 1 to 64 of a-z, 0-9 and _' })

const DRAFT = z.strictObject({
  email: z.email({ error: '`email` must be an e-mail address' }).max(254),
  plan: PLAN.default('free_api'),
  read_receipts_enabled: z.boolean().default(false),
})

const CHANGE = z.strictObject({
  plan: PLAN.optional(),
  read_receipts_enabled: z.boolean().optional(),
  auto_mark_read: z.boolean().optional(),
  auto_mark_read_timing: TIMING.optional(),
  disabled: z.boolean().optional(),
})

const ACCOUNT = z.object({ account_id: z.string() })
const KEY = z.object({ account_id: z.string(), api_key_id: z.string() })

const KEYS = { api_key_id: z.string(), api_secret_key: z.string() }
const ONE = ok({ account: ACCOUNT_ANSWER })

/** `POST /operator/accounts`. The secret is shown this once. */
export function createAccountDoor(store: AccountStore, now: () => number): Door {
  const answer = ok({ account: ACCOUNT_ANSWER, ...KEYS })
  return door({ summary: 'Create an account', body: DRAFT, answer, status: 201 }, async ({ body }) => {
    const { email, plan, read_receipts_enabled: readReceiptsEnabled } = body
    const { account, credentials } = await store.createAccount({ email, plan, readReceiptsEnabled, at: now() })
    return { status: 'OK', account: accountToWire(account), ...keyToWire(credentials) }
  })
}

export function listAccountsDoor(store: AccountStore): Door {
  const shape = { summary: 'All accounts', answer: ok({ data: z.array(ACCOUNT_ANSWER) }) }
  return door(shape, async () => ({ status: 'OK', data: (await store.listAccounts()).map(accountToWire) }))
}

export function getAccountDoor(store: AccountStore): Door {
  return door({ summary: 'One account', params: ACCOUNT, answer: ONE }, async ({ params }) => ({
    status: 'OK',
    account: accountToWire(await store.getAccount(accountId(params.account_id))),
  }))
}

/** `PATCH /operator/accounts/{account_id}`: the operator is above the plan gate. */
export function updateAccountDoor(store: AccountStore): Door {
  const shape = { summary: 'Change an account', params: ACCOUNT, body: CHANGE, answer: ONE }
  return door(shape, async ({ params, body }) => {
    const account = await store.updateAccount({ id: accountId(params.account_id), change: toChange(body) })
    return { status: 'OK', account: accountToWire(account) }
  })
}

export function createKeyDoor(store: AccountStore, now: () => number): Door {
  return door({ summary: 'Make another key', params: ACCOUNT, answer: ok(KEYS), status: 201 }, async ({ params }) => {
    const credentials = await store.createKey({ accountId: accountId(params.account_id), at: now() })
    return { status: 'OK', ...keyToWire(credentials) }
  })
}

/** From its answer on the key is refused everywhere. */
export function deleteKeyDoor(store: AccountStore): Door {
  return door({ summary: 'Revoke a key', params: KEY, answer: DONE }, async ({ params }) => {
    await store.deleteKey({ accountId: accountId(params.account_id), keyId: params.api_key_id })
    return { status: 'OK' }
  })
}

export function accountId(word: string): Account['id'] {
  const id = parseId('account', word)
  if (id === undefined) throw new ReadbackError('not_found', 'No such account')
  return id
}

function toChange(change: z.output<typeof CHANGE>): AccountChange {
  const { plan, read_receipts_enabled, auto_mark_read, auto_mark_read_timing, disabled } = change
  return {
    ...(plan === undefined ? {} : { plan }),
    ...(read_receipts_enabled === undefined ? {} : { readReceiptsEnabled: read_receipts_enabled }),
    ...(auto_mark_read === undefined ? {} : { autoMarkRead: auto_mark_read }),
    ...(auto_mark_read_timing === undefined ? {} : { autoTiming: auto_mark_read_timing }),
    ...(disabled === undefined ? {} : { disabled }),
  }
}

export function keyToWire({ keyId, secret }: { keyId: string; secret: string }) {
  return { api_key_id: keyId, api_secret_key: secret }
}
