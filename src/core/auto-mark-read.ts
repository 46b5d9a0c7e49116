import type { Account } from './account.ts'
import type { ConversationKind, Service } from './conversation.ts'
import { ReadbackError } from './errors.ts'

/** Why an inbound message did not ask for a receipt by itself. */
export const AUTO_REASONS = [
  'account_disabled',
  'off',
  'read_receipts_not_enabled',
  'plan',
  'service',
  'group',
  'not_first_part',
  'too_old',
] as const
export type AutoReason = (typeof AUTO_REASONS)[number]

export interface AutoRule {
  /** The plans that include auto mark-read. */
  readonly plans: readonly string[]
  /** A message older than this when it arrives is not marked: a replay of old ones must mark nothing. */
  readonly maxAgeMs: number
}

/** What the rule looks at in a message. A reaction counts as any other message, as it does for the original. */
export interface AutoSubject {
  readonly service: Service
  readonly kind: ConversationKind
  readonly part: number
  readonly sentAt: number
  readonly carrierNow: number
}

/**
 * The auto rule (`docs/api.md`, "/accounts/settings/auto-mark-read"; the page's "What auto-fires" and, from the account gate on, our
 * own): null where it fires, else the first reason why not.
 */
export function autoMarkRead(account: Account, message: AutoSubject, rule: AutoRule): AutoReason | null {
  if (account.disabled) return 'account_disabled'
  if (!account.autoMarkRead) return 'off'
  if (!account.readReceiptsEnabled) return 'read_receipts_not_enabled'
  if (!rule.plans.includes(account.plan)) return 'plan'
  if (message.service !== 'iMessage') return 'service'
  if (message.kind === 'group') return 'group'
  if (message.part > 0) return 'not_first_part'
  if (message.carrierNow - message.sentAt > rule.maxAgeMs) return 'too_old'
  return null
}

/** The plan gate [page: plan availability]. Turning the setting off is always allowed [ours]. */
export function passPlanGate(account: Account, wanted: boolean, rule: Pick<AutoRule, 'plans'>): void {
  if (!wanted || rule.plans.includes(account.plan)) return
  throw new ReadbackError(
    'forbidden',
    `Auto mark-read is available on the plans ${rule.plans.join(', ')}; this account is on ${account.plan}.`,
  )
}
