/**
 * When the auto rule's receipts go. `on_arrival`: as the message arrives, as the page has it. `after`: as much later as a person
 * would take. `on_reply`: when the account next writes, or shows that it does, in that conversation.
 */
export type AutoTiming =
  | { readonly mode: 'on_arrival' }
  /** So many milliseconds later, and up to the jitter more, a different one each time. */
  | { readonly mode: 'after'; readonly delayMs: number; readonly jitterMs: number }
  | { readonly mode: 'on_reply' }

/** When a receipt for what arrives at `at` is due; null while it waits for a reply. `chance` is from 0 to 1. */
export function dueAt(timing: AutoTiming, at: number, chance: number): number | null {
  switch (timing.mode) {
    case 'on_arrival':
      return at
    case 'after':
      return at + timing.delayMs + Math.round(timing.jitterMs * chance)
    case 'on_reply':
      return null
  }
}
