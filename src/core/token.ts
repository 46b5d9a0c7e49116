import type { Credentials } from './account.ts'
import type { TokenId } from './id.ts'
import type { PhoneNumber } from './phone-number.ts'

/** What a token is for: made with a key, it opens the same account, or some of its lines alone, until it ends. */
export interface TokenScope {
  /** The lines that it is limited to; null for the whole account. */
  readonly numbers: readonly PhoneNumber[] | null
  readonly expiresAt: number
}

export interface TokenCall extends TokenScope {
  readonly credentials: Credentials
  /** Where the caller named the lines: a refusal says so. */
  readonly field: string
  readonly at: number
}

export interface TokenStore {
  /** With the account's own key alone. Throws `invalid` for lines that are not the account's. */
  createToken(call: TokenCall): Promise<NewToken>
  /** With the account's own key alone; throws `not_found`. From its answer on the token is refused everywhere. */
  deleteToken(call: { credentials: Credentials; id: TokenId }): Promise<void>
  /** Forgets tokens that ended before that time, `limit` at the most; answers how many it forgot. */
  forgetTokens(call: { before: number; limit: number }): Promise<number>
}

/** The token itself is shown this once: what is kept is its hash. */
export interface NewToken {
  readonly id: TokenId
  readonly token: string
}
