import type { Kysely } from 'kysely'
import type { AutoRule } from '../core/auto-mark-read.ts'
import type { LineRules } from '../core/mark-read.ts'
import type { WritingRules } from '../core/send-message.ts'
import type { Changes } from '../core/store.ts'
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

/** What a store is opened with, whichever engine its URL names. */
export interface StoreOptions {
  /** `sqlite:<path>`, or `postgres://…` as libpq has it. */
  readonly url: string
  /** So many connections to PostgreSQL at the most. */
  readonly poolSize: number
  /** How long a process that is no more keeps its lines from the others. */
  readonly leaseMs: number
  /** 64 hex digits. */
  readonly secretKey: string
  readonly rules: StoreRules
  /** Hears of a store that broke for good while it served: the process cannot go on without. */
  readonly onDeath: (error: Error) => void
  /** Hears of what a commit left for others to do. */
  readonly onChanges: (changes: Changes) => void
  /** Hears, while it opens, of what is out of the ordinary and keeps nobody from starting. */
  readonly onNotice: (notice: string) => void
}

/** What a query that both engines share works with: one connection, and what it has to know. */
export interface Context {
  readonly db: Kysely<Tables>
  readonly seal: Seal
  readonly rules: StoreRules
  /** The store's own clock: by it a token or a session still holds, whatever time a call brings. */
  readonly now: () => number
}
