import type { AutoTiming } from './auto-timing.ts'
import type { AccountId } from './id.ts'

/** An API customer. */
export interface Account {
  readonly id: AccountId
  readonly email: string
  readonly plan: string
  /** The account gate: the page wants read receipts enabled for an account by whoever runs the server. */
  readonly readReceiptsEnabled: boolean
  readonly autoMarkRead: boolean
  readonly autoTiming: AutoTiming
  readonly disabled: boolean
  /** Epoch milliseconds, as every time inside. */
  readonly createdAt: number
}

/** What a client sends in `sb-api-key-id` and `sb-api-secret-key`. */
export interface ApiKey {
  readonly keyId: string
  readonly secret: string
}

/** What the browser of somebody who signed in to the dashboard sends. */
export interface SessionProof {
  readonly sessionToken: string
}

/** What tells who calls: the account's key, a token that was made with it, or the session of somebody who signed in with it. */
export type Credentials = ApiKey | { readonly token: string } | SessionProof

export type AccountChange = Partial<
  Pick<Account, 'plan' | 'readReceiptsEnabled' | 'autoMarkRead' | 'autoTiming' | 'disabled'>
>
