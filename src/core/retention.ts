/** What grows with use, and is deleted when it is old. What is open or under way stays, whatever its age. */
export const AGED = ['attempts', 'deliveries', 'events', 'receipts', 'messages', 'phone', 'endpoints'] as const
export type Aged = (typeof AGED)[number]

export interface AgedCall {
  readonly kind: Aged
  readonly before: number
  /** Now. What is later was written while the clock was ahead, and hides nothing that is old behind it. */
  readonly at: number
  /** Behind this id; 0 begins. */
  readonly after: number
  /** So many are looked at. */
  readonly limit: number
}
