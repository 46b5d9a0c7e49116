/**
 * Ids are numbers inside and prefixed words outside (`rcpt_1f3k`), so that one kind can never be passed for another:
 * not in the code (the type) and not over the wire (the prefix).
 */
export type Id<Kind extends IdKind> = number & { readonly kind: Kind }

const PREFIX = {
  account: 'acct',
  line: 'line',
  conversation: 'conv',
  message: 'msg',
  receipt: 'rcpt',
  event: 'evt',
  webhook: 'whk',
  delivery: 'dlv',
  token: 'tok',
} as const
export type IdKind = keyof typeof PREFIX

export type AccountId = Id<'account'>
export type LineId = Id<'line'>
export type ConversationId = Id<'conversation'>
export type MessageId = Id<'message'>
export type ReceiptId = Id<'receipt'>
export type EventId = Id<'event'>
export type WebhookId = Id<'webhook'>
export type DeliveryId = Id<'delivery'>
export type TokenId = Id<'token'>

/** The word a client sees: `rcpt_` and the number in base 36. */
export function formatId<Kind extends IdKind>(kind: Kind, id: Id<Kind>): string {
  return `${PREFIX[kind]}_${id.toString(36)}`
}

/** The id behind a client's word, or undefined for any word that {@link formatId} would not have made. */
export function parseId<Kind extends IdKind>(kind: Kind, word: string): Id<Kind> | undefined {
  const digits = word.slice(PREFIX[kind].length + 1)
  const id = Number.parseInt(digits, 36) as Id<Kind>
  return Number.isSafeInteger(id) && id > 0 && formatId(kind, id) === word ? id : undefined
}
