import type { Account, Credentials } from './account.ts'
import { ReadbackError } from './errors.ts'
import type { PhoneNumber } from './phone-number.ts'
import type { TokenScope } from './token.ts'

/** Whoever calls in an account's name: with its keys, a token, or a session. */
export interface Caller {
  readonly account: Account
  /** The key that it came with, or that its token or session was made with. */
  readonly keyId: string
  /** Null where it came with anything else. */
  readonly token: TokenScope | null
}

/** Whom a call is open to: the account's own keys alone; a token for the whole account too; or any token, within its lines. */
export type Entry = 'keys' | 'account' | 'lines'

/** The caller behind a call's credentials, if it may enter at all (`docs/api.md`, "Every request": the order of refusals). */
export function admitCaller(caller: Caller | undefined, credentials: Credentials, entry: Entry): Caller {
  if (caller === undefined) {
    const wrong = 'token' in credentials ? 'Invalid or expired token' : 'Invalid API key id or secret'
    throw new ReadbackError('unauthorized', wrong)
  }
  if (caller.account.disabled) {
    throw new ReadbackError('forbidden', 'This account is disabled. Ask your operator to enable it.')
  }
  if (caller.token !== null && entry === 'keys') {
    throw new ReadbackError('forbidden', 'Tokens are made and revoked with the API key and secret of the account alone')
  }
  if (caller.token?.numbers != null && entry !== 'lines') {
    throw new ReadbackError('forbidden', 'This token is limited to single lines, and this concerns the whole account')
  }
  return caller
}

/** Whether a line of the account is one that the caller may see. */
export function reaches({ token }: Caller, number: PhoneNumber): boolean {
  return token?.numbers?.includes(number) ?? true
}
