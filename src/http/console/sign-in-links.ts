import { randomBytes } from 'node:crypto'
import type { ApiKey } from '../../core/account.ts'

/** Long enough to read what a start printed. */
const LIFETIME_MS = 3_600_000

/** Links that sign in once. They are in this process alone: whoever starts it again is shown another. */
export class SignInLinks {
  readonly #now: () => number
  readonly #made = new Map<string, { key: ApiKey; expiresAt: number }>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** The token for the link's fragment, which no server and no log gets to see. */
  make(key: ApiKey): string {
    const token = randomBytes(32).toString('base64url')
    this.#made.set(token, { key, expiresAt: this.#now() + LIFETIME_MS })
    return token
  }

  redeem(token: string): ApiKey | undefined {
    const made = this.#made.get(token)
    this.#made.delete(token)
    return made !== undefined && made.expiresAt > this.#now() ? made.key : undefined
  }
}
