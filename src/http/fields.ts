import { z } from 'zod'
import { formatId, type Id, type IdKind, parseId } from '../core/id.ts'
import { parseAddress, parsePhoneNumber } from '../core/phone-number.ts'
import { REASONS } from '../core/reason.ts'

/** A text that `parseText` takes, in its normal form; else `missing` or `malformed` says what is wrong. */
function parsed<T>(parseText: (text: string) => T | undefined, missing: string, malformed: string) {
  return z
    .string({ error: missing })
    .min(1, { error: missing, abort: true })
    .transform((text, context): T => {
      const value = parseText(text)
      if (value !== undefined) return value
      context.addIssue({ code: 'custom', message: malformed })
      return z.NEVER
    })
}

/** A contact: a number in E.164, or an e-mail handle (`docs/api.md`, "POST /api/mark-read"). */
export function address(missing: string, malformed: string) {
  return parsed(parseAddress, missing, malformed)
}

/** A line's number in E.164. */
export function phoneNumber(wrong: string) {
  return parsed(parsePhoneNumber, wrong, wrong)
}

export const NO_NUMBER = 'You must specify a `number` in the request body.'

/** The contact and the line that a call names, by the page's words for what is wrong with them. */
export const CONTACT_AND_LINE = {
  number: address(NO_NUMBER, 'You must specify a valid `number` in the request body.'),
  from_number: phoneNumber('You must specify a valid `from_number` in the request body.'),
}

/** A `+` that was written as it stands is a space by now: the SDK's own examples have it so. */
export function inQuery<T>(name: string, schema: z.ZodType<T, string>) {
  return z
    .string({ error: `\`${name}\` must be specified` })
    .transform((given) => given.replace(given.includes('@') ? / /g : /^ /, '+'))
    .pipe(schema)
}

/** A whole number in a query, by its digits: `0x10`, `1e2` and a blank before it are none. Where it is absent, `fallback`. */
export function whole(name: string, { least, most, fallback }: { least: number; most?: number; fallback: number }) {
  const error = `\`${name}\` must be a whole number from ${least} ${most === undefined ? 'on' : `to ${most}`}`
  const digits = z
    .string({ error })
    .regex(/^\d{1,15}$/, { error })
    .meta({ type: 'integer', minimum: least, ...(most === undefined ? {} : { maximum: most }), default: fallback })
  return digits
    .transform(Number)
    .refine((given) => given >= least && given <= (most ?? given), { error })
    .default(fallback)
}

/** Text that every engine keeps: NUL is refused, and half of a character, which a client may have cut, replaced. */
export function text(name: string, longest: number) {
  return z
    .string()
    .max(longest)
    .refine((given) => !given.includes('\0'), { error: `\`${name}\` must hold no NUL` })
    .overwrite((given) => given.toWellFormed())
}

/** The longest text of a message that fits an answer, a webhook and a Mac's patience. */
const LONGEST_CONTENT = 20_000
/** Twelve bytes for each of its characters, as JSON that keeps to ASCII has an emoji, and what else there is. */
export const MESSAGE_BODY_LIMIT = 12 * LONGEST_CONTENT + 16 * 1024

export const CONTENT = text('content', LONGEST_CONTENT)

/** The id behind a client's word. One that cannot exist is looked for all the same, as what nothing has: 401 comes before 404. */
export function idOf<Kind extends IdKind>(kind: Kind, word: string): Id<Kind> {
  return parseId(kind, word) ?? (0 as Id<Kind>)
}

export const REASON = z.enum(Object.keys(REASONS) as (keyof typeof REASONS)[]).meta({ id: 'Reason' })

/** The last that RFC 3339 can write: a contact's clock, or a carrier's, may be beyond it. */
const LATEST = Date.parse('9999-12-31T23:59:59.999Z')

export function isoTime(at: number): string
export function isoTime(at: number | null): string | null
export function isoTime(at: number | null): string | null {
  return at === null ? null : new Date(Math.min(at, LATEST)).toISOString()
}

export function handleOf(messageId: Id<'message'>): string
export function handleOf(messageId: Id<'message'> | null): string | null
export function handleOf(messageId: Id<'message'> | null): string | null {
  return messageId === null ? null : formatId('message', messageId)
}
