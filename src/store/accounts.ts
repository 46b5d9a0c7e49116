import { randomBytes } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { Account, AccountChange, ApiKey, Credentials, SessionProof } from '../core/account.ts'
import { passPlanGate } from '../core/auto-mark-read.ts'
import { admitCaller, type Caller, type Entry } from '../core/caller.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId } from '../core/id.ts'
import { passAccountGate } from '../core/mark-read.ts'
import type { NewAccount } from '../core/store.ts'
import type { Context } from './context.ts'
import { hashSecret, randomSecret, secretMatches } from './seal.ts'
import type { Tables } from './tables.ts'

const COLUMNS = [
  ...(['id', 'email', 'plan', 'created_at'] as const),
  ...(['read_receipts_enabled', 'auto_mark_read', 'auto_timing', 'disabled'] as const),
]
/**
 * An account `a` in a prepared statement. By name: one that asks for all columns fails on PostgreSQL from the moment on when a newer
 * version adds one.
 */
export const ACCOUNT_COLUMNS = COLUMNS.map((column) => `a.${column}`).join(', ')

export type AccountRow = Pick<Selectable<Tables['accounts']>, (typeof COLUMNS)[number]>

export function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    email: row.email,
    plan: row.plan,
    readReceiptsEnabled: row.read_receipts_enabled === 1,
    autoMarkRead: row.auto_mark_read === 1,
    autoTiming: JSON.parse(row.auto_timing),
    disabled: row.disabled === 1,
    createdAt: row.created_at,
  }
}

export async function createAccount(
  context: Context,
  draft: Pick<Account, 'email' | 'plan' | 'readReceiptsEnabled'> & { at: number },
): Promise<NewAccount> {
  const row = await context.db
    .insertInto('accounts')
    .values({
      email: draft.email,
      plan: draft.plan,
      read_receipts_enabled: draft.readReceiptsEnabled ? 1 : 0,
      auto_mark_read: 0,
      disabled: 0,
      webhook_secret: null,
      webhook_secret_before: null,
      webhook_secret_changed_at: null,
      created_at: draft.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return { account: toAccount(row), credentials: await createKey(context, { accountId: row.id, at: draft.at }) }
}

export async function listAccounts({ db }: Context): Promise<Account[]> {
  return (await db.selectFrom('accounts').selectAll().orderBy('id').execute()).map(toAccount)
}

export async function getAccount({ db }: Context, id: AccountId): Promise<Account> {
  const row = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst()
  return toAccount(row ?? noSuchAccount())
}

export async function updateAccount(
  context: Context,
  { id, change }: { id: AccountId; change: AccountChange },
): Promise<Account> {
  const next = { ...(await getAccount(context, id)), ...change }
  await context.db
    .updateTable('accounts')
    .set({
      plan: next.plan,
      read_receipts_enabled: next.readReceiptsEnabled ? 1 : 0,
      auto_mark_read: next.autoMarkRead ? 1 : 0,
      auto_timing: JSON.stringify(next.autoTiming),
      disabled: next.disabled ? 1 : 0,
    })
    .where('id', '=', id)
    .execute()
  return next
}

export async function createKey(
  context: Context,
  { accountId, at }: { accountId: AccountId; at: number },
): Promise<ApiKey> {
  await getAccount(context, accountId)
  const credentials = { keyId: `key_${randomBytes(12).toString('hex')}`, secret: randomSecret() }
  await context.db
    .insertInto('api_keys')
    .values({
      key_id: credentials.keyId,
      account_id: accountId,
      secret_hash: hashSecret(credentials.secret),
      created_at: at,
    })
    .execute()
  return credentials
}

export async function deleteKey(
  { db }: Context,
  { accountId, keyId }: { accountId: AccountId; keyId: string },
): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('api_keys')
    .where('key_id', '=', keyId)
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw new ReadbackError('not_found', 'No such API key')
  // A key that leaked may have made tokens, and signed in: they end with it.
  await db.deleteFrom('tokens').where('key_id', '=', keyId).where('account_id', '=', accountId).execute()
  await db.deleteFrom('sessions').where('key_id', '=', keyId).execute()
}

/** Whoever the credentials belong to, as they stand in this transaction. For what concerns the whole account. */
export async function authenticate(context: Context, credentials: Credentials): Promise<Account> {
  return (await identify(context, { credentials, entry: 'account' })).account
}

/** The same, with how far they reach. */
export async function identify(
  context: Context,
  { credentials, entry = 'lines' }: { credentials: Credentials; entry?: Entry },
): Promise<Caller> {
  return admitCaller(await findCaller(context, credentials), credentials, entry)
}

function findCaller(context: Context, credentials: Credentials): Promise<Caller | undefined> {
  if ('token' in credentials) return findToken(context, credentials)
  return 'sessionToken' in credentials ? findSession(context, credentials) : findKey(context, credentials)
}

async function findKey({ db }: Context, key: ApiKey): Promise<Caller | undefined> {
  const row = await db
    .selectFrom('api_keys')
    .innerJoin('accounts', 'accounts.id', 'api_keys.account_id')
    .selectAll('accounts')
    .select('secret_hash')
    .where('key_id', '=', key.keyId)
    .executeTakeFirst()
  return toKeyCaller(row, key)
}

async function findToken({ db, now }: Context, { token }: { token: string }): Promise<Caller | undefined> {
  const row = await db
    .selectFrom('tokens')
    // One that is made while its key is deleted goes with it all the same.
    .innerJoin('api_keys', 'api_keys.key_id', 'tokens.key_id')
    .innerJoin('accounts', 'accounts.id', 'tokens.account_id')
    .selectAll('accounts')
    .select(['tokens.key_id', 'numbers', 'expires_at'])
    .where('token_hash', '=', hashSecret(token))
    .executeTakeFirst()
  return toTokenCaller(row, now())
}

export type KeyRow = AccountRow & { readonly secret_hash: string }
export type TokenRow = AccountRow & Pick<Selectable<Tables['tokens']>, 'key_id' | 'numbers' | 'expires_at'>

export function toKeyCaller(row: KeyRow | undefined, { keyId, secret }: ApiKey): Caller | undefined {
  const matches = secretMatches(secret, row?.secret_hash)
  return row !== undefined && matches ? { account: toAccount(row), keyId, token: null } : undefined
}

export type SessionRow = AccountRow & Pick<TokenRow, 'key_id' | 'expires_at'>

/** Somebody who signed in with a key may what the key may. */
export function toSessionCaller(row: SessionRow | undefined, now: number): Caller | undefined {
  if (row === undefined || row.expires_at <= now) return undefined
  return { account: toAccount(row), keyId: row.key_id, token: null }
}

export function toTokenCaller(row: TokenRow | undefined, now: number): Caller | undefined {
  if (row === undefined || row.expires_at <= now) return undefined
  const numbers = row.numbers === null ? null : JSON.parse(row.numbers)
  return { account: toAccount(row), keyId: row.key_id, token: { numbers, expiresAt: row.expires_at } }
}

/** As long as the key is there that it was opened with. */
async function findSession({ db, now }: Context, { sessionToken }: SessionProof): Promise<Caller | undefined> {
  const row = await db
    .selectFrom('sessions')
    .innerJoin('api_keys', 'api_keys.key_id', 'sessions.key_id')
    .innerJoin('accounts', 'accounts.id', 'api_keys.account_id')
    .selectAll('accounts')
    .select(['api_keys.key_id', 'expires_at'])
    .where('token_hash', '=', hashSecret(sessionToken))
    .executeTakeFirst()
  return toSessionCaller(row, now())
}

export async function admit(
  context: Context,
  { credentials, gate, entry = 'account' }: { credentials: Credentials; gate: boolean; entry?: Entry },
): Promise<Account> {
  const { account } = await identify(context, { credentials, entry })
  if (gate) passAccountGate(account)
  return account
}

export async function setAutoMarkRead(
  context: Context,
  { credentials, autoMarkRead }: { credentials: Credentials; autoMarkRead: boolean },
): Promise<boolean> {
  const account = await authenticate(context, credentials)
  passPlanGate(account, autoMarkRead, context.rules.auto)
  return (await updateAccount(context, { id: account.id, change: { autoMarkRead } })).autoMarkRead
}

function noSuchAccount(): never {
  throw new ReadbackError('not_found', 'No such account')
}
