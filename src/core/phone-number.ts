import { isPlainText } from './plain-text.ts'

/** An E.164 number as `docs/api.md`, "POST /api/mark-read", has it: `+`, then 7 to 15 digits, the first not 0. */
export type PhoneNumber = string & { readonly kind: 'phone number' }

/** How a contact is reached: a phone number, or for iMessage an e-mail address in lower case. */
export type Address = string & { readonly kind: 'address' }

const E164 = /^\+[1-9]\d{6,14}$/
const PUNCTUATION = /[ .\-()[\]]/g
// No validity beyond the shape: documentation numbers must work, and numbering plans change faster than servers do.
// Longest address that SMTP can carry: 254 characters (RFC 5321, 4.5.3.1.3).
const EMAIL = /^(?=.{3,254}$)[^\s@\p{Cc}]+@[^\s@\p{Cc}]+\.[^\s@\p{Cc}]+$/u

/** The number in its one normal form; undefined when it is not one. Punctuation is forgiven behind a `+` alone. */
export function parsePhoneNumber(input: string): PhoneNumber | undefined {
  if (E164.test(input)) return input as PhoneNumber
  if (!input.startsWith('+') || input.length > 64) return undefined
  const stripped = input.replace(PUNCTUATION, '')
  return E164.test(stripped) ? (stripped as PhoneNumber) : undefined
}

/** A contact's address in its one normal form; undefined when it is neither a number nor an e-mail address. */
export function parseAddress(input: string): Address | undefined {
  const number = parsePhoneNumber(input)
  if (number !== undefined) return number as string as Address
  // A few letters are longer in lower case.
  const lower = input.toLowerCase()
  return EMAIL.test(lower) && isPlainText(lower) ? (lower as Address) : undefined
}
