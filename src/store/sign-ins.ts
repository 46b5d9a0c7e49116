import type { ApiKey, Credentials } from '../core/account.ts'
import { type ConsoleStore, type KeyFacts, SESSION_MS, type Visitor } from '../core/console.ts'
import { ReadbackError } from '../core/errors.ts'
import { authenticate, createKey, deleteKey, toAccount } from './accounts.ts'
import type { Context } from './context.ts'
import { hashSecret, randomSecret } from './seal.ts'

/** However many ended since the last sign-in. */
const FORGOTTEN_AT_ONCE = 500

export async function openSession(
  context: Context,
  { opener, at }: Parameters<ConsoleStore['openSession']>[0],
): Promise<string> {
  const { db } = context
  if ('keyId' in opener) await authenticate(context, opener)
  const token = randomSecret()
  const ended = db.selectFrom('sessions').select('token_hash').where('expires_at', '<=', at).limit(FORGOTTEN_AT_ONCE)
  await db.deleteFrom('sessions').where('token_hash', 'in', ended).execute()
  await db
    .insertInto('sessions')
    .values({
      token_hash: hashSecret(token),
      key_id: 'keyId' in opener ? opener.keyId : null,
      operator_hash: 'keyId' in opener ? null : hashSecret(opener.operatorToken),
      created_at: at,
      expires_at: at + SESSION_MS,
    })
    .execute()
  return token
}

export async function closeSession({ db }: Context, { sessionToken }: { sessionToken: string }): Promise<void> {
  await db.deleteFrom('sessions').where('token_hash', '=', hashSecret(sessionToken)).execute()
}

export async function getVisitor(
  { db, now }: Context,
  { session, operator }: Parameters<ConsoleStore['getVisitor']>[0],
): Promise<Visitor> {
  const found = await db
    .selectFrom('sessions')
    .selectAll()
    .where('token_hash', '=', hashSecret(session.sessionToken))
    .where('expires_at', '>', now())
    .executeTakeFirst()
  if (found?.operator_hash === hashSecret(operator.operatorToken)) return { kind: 'operator' }
  const row = await db
    .selectFrom('api_keys')
    .innerJoin('accounts', 'accounts.id', 'api_keys.account_id')
    .selectAll('accounts')
    .where('key_id', '=', found?.key_id ?? '')
    .executeTakeFirst()
  if (row === undefined || row.disabled === 1) throw new ReadbackError('unauthorized', 'You are not signed in')
  return { kind: 'account', account: toAccount(row), keyId: found?.key_id ?? '' }
}

export async function listKeys(context: Context, { credentials }: { credentials: Credentials }): Promise<KeyFacts[]> {
  const { id } = await authenticate(context, credentials)
  return context.db
    .selectFrom('api_keys')
    .select(['key_id as keyId', 'created_at as createdAt'])
    .where('account_id', '=', id)
    .orderBy('created_at')
    .orderBy('key_id')
    .execute()
}

export async function makeKey(
  context: Context,
  { credentials, at }: { credentials: Credentials; at: number },
): Promise<ApiKey> {
  const { id } = await authenticate(context, credentials)
  return createKey(context, { accountId: id, at })
}

export async function revokeKey(
  context: Context,
  { credentials, keyId }: { credentials: Credentials; keyId: string },
): Promise<void> {
  const { id } = await authenticate(context, credentials)
  await deleteKey(context, { accountId: id, keyId })
}
