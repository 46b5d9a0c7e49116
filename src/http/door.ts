import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Entry } from '../core/caller.ts'
import { ReadbackError } from '../core/errors.ts'

interface Shape<B, Q, P, A = z.ZodType> {
  /** What it does, for the reference. */
  readonly summary?: string
  readonly body?: z.ZodType<B>
  readonly query?: z.ZodType<Q>
  readonly params?: z.ZodType<P>
  /** Largest body, in bytes; 64 KiB where absent. */
  readonly bodyLimit?: number
  /** Whether the account gate stands before it (`docs/api.md`, "Every request": mark-read alone). */
  readonly gate?: boolean
  /** Whom of an account it is open to; `account` where absent. What it asks of the store says the same. */
  readonly entry?: Entry
  /** What a good answer holds: TypeScript checks the door by it, and nobody does again at run time. A text where absent. */
  readonly answer?: A
  /** Of an answer that is a text, or may be one: what it then is; plain text where absent. */
  readonly types?: readonly string[]
  /** What stands in a good answer's headers, by their names. */
  readonly headers?: Readonly<Record<string, string>>
  /** Of a good answer; 200 where absent, 204 for one that holds nothing. */
  readonly status?: 201 | 204
}

export interface Entered<B = unknown, Q = unknown, P = unknown> {
  readonly body: B
  readonly query: Q
  readonly params: P
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** What it takes, and what it answers. `app.ts` gives it its method and path. */
export interface Door {
  readonly shape: Shape<unknown, unknown, unknown>
  /** An object goes out as JSON, a text as it stands. */
  answer(entered: Entered): Promise<object | string>
}

export function door<B, Q, P, A extends z.ZodType<object | string>>(
  shape: Shape<B, Q, P, A>,
  answer: (entered: Entered<B, Q, P>) => Promise<z.output<A>>,
): Door {
  return { shape, answer: answer as Door['answer'] }
}

/** Checks a body, a query or parameters; throws `invalid` with the first thing that is wrong. */
export function parse<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input, { error: describe })
  if (parsed.success) return parsed.data
  throw new ReadbackError('invalid', parsed.error.issues[0]?.message ?? 'The request is not valid')
}

const { localeError } = z.locales.en()

/** For what its schema has no words of its own: which field, and zod's words. */
function describe(issue: z.core.$ZodRawIssue): string {
  const field = issue.path?.join('.') ?? ''
  if (field === '' && issue.code === 'invalid_type' && issue.expected === 'object')
    return 'The body must be a JSON object'
  const said = localeError(issue)
  const words = typeof said === 'string' ? said : (said?.message ?? 'Invalid')
  return field === '' ? words : `\`${field}\`: ${words}`
}
