import type { Credentials } from '../core/account.ts'
import { ReadbackError } from '../core/errors.ts'
import type { TokenId } from '../core/id.ts'
import type { NewToken, TokenScope } from '../core/token.ts'
import { identify } from './accounts.ts'
import { checkOwnNumbers } from './lines.ts'
import { hashSecret, randomSecret } from './seal.ts'
import type { Session } from './session.ts'

export async function createToken(
  session: Session,
  { credentials, numbers, expiresAt, at }: { credentials: Credentials; at: number } & TokenScope,
): Promise<NewToken> {
  const { account, keyId } = await identify(session, { credentials, entry: 'keys' })
  await checkOwnNumbers(session, { accountId: account.id, numbers: numbers ?? [], field: 'phone_numbers' })
  const token = randomSecret()
  const { id } = await session.db
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
  session: Session,
  { credentials, id }: { credentials: Credentials; id: TokenId },
): Promise<void> {
  const { account } = await identify(session, { credentials, entry: 'keys' })
  const { numDeletedRows } = await session.db
    .deleteFrom('tokens')
    .where('id', '=', id)
    .where('account_id', '=', account.id)
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw new ReadbackError('not_found', 'No such token')
}

export async function forgetTokens(
  { db }: Session,
  { before, limit }: { before: number; limit: number },
): Promise<number> {
  const ended = db.selectFrom('tokens').select('id').where('expires_at', '<', before).limit(limit)
  const { numDeletedRows } = await db.deleteFrom('tokens').where('id', 'in', ended).executeTakeFirst()
  return Number(numDeletedRows)
}
