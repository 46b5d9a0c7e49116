import type { Credentials } from '../core/account.ts'
import { ReadbackError } from '../core/errors.ts'
import type { TokenId } from '../core/id.ts'
import type { NewToken, TokenCall } from '../core/token.ts'
import { identify } from './accounts.ts'
import type { Context } from './context.ts'
import { checkOwnNumbers } from './lines.ts'
import { hashSecret, randomSecret } from './seal.ts'

export async function createToken(
  context: Context,
  { credentials, numbers, field, expiresAt, at }: TokenCall,
): Promise<NewToken> {
  const { account, keyId } = await identify(context, { credentials, entry: 'keys' })
  await checkOwnNumbers(context, { accountId: account.id, numbers: numbers ?? [], field })
  const token = randomSecret()
  const { id } = await context.db
    .insertInto('tokens')
    .values({
      account_id: account.id,
      key_id: keyId,
      token_hash: hashSecret(token),
      numbers: numbers === null ? null : JSON.stringify(numbers),
      expires_at: expiresAt,
      created_at: at,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return { id, token }
}

export async function deleteToken(
  context: Context,
  { credentials, id }: { credentials: Credentials; id: TokenId },
): Promise<void> {
  const { account } = await identify(context, { credentials, entry: 'keys' })
  const { numDeletedRows } = await context.db
    .deleteFrom('tokens')
    .where('id', '=', id)
    .where('account_id', '=', account.id)
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw new ReadbackError('not_found', 'No such token')
}

export async function forgetTokens(
  { db }: Context,
  { before, limit }: { before: number; limit: number },
): Promise<number> {
  const ended = db.selectFrom('tokens').select('id').where('expires_at', '<', before).limit(limit)
  const { numDeletedRows } = await db.deleteFrom('tokens').where('id', 'in', ended).executeTakeFirst()
  return Number(numDeletedRows)
}
