import type { Kysely } from 'kysely'
import type { AutoRule } from '../core/auto-mark-read.ts'
import type { LineRules } from '../core/mark-read.ts'
import type { WritingRules } from '../core/send-message.ts'
import type { Seal } from './seal.ts'
import type { Tables } from './tables.ts'

/** What the store needs to know to decide inside a transaction. Plain data: it crosses to the writer's thread. */
export interface StoreRules extends LineRules, WritingRules {
  readonly auto: AutoRule
  /** How long a receipt is worth sending. */
  readonly receiptLifetimeMs: number
  /** How long a message is tried. */
  readonly messageLifetimeMs: number
}

/** What a query that both engines share works with: one connection, and what it has to know. */
export interface Context {
  readonly db: Kysely<Tables>
  readonly seal: Seal
  readonly rules: StoreRules
  /** The store's own clock: by it a token or a session still holds, whatever time a call brings. */
  readonly now: () => number
}
