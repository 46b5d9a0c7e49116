import { z } from 'zod'
import { formatId } from '../core/id.ts'
import type { Store } from '../core/store.ts'
import { TIME } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { idOf, isoTime, phoneNumber } from './fields.ts'

/** As the SDK has it. */
const DEFAULT_S = 900
/** Whoever wants one for longer wants a key. */
const LONGEST_S = 3_600
const MOST_NUMBERS = 1_000

const BODY = z
  .strictObject({
    expires_in_seconds: z.number().int().min(1).max(LONGEST_S).default(DEFAULT_S),
    phone_number: phoneNumber('`phone_number` must be a line’s number in E.164').optional(),
    phone_numbers: z
      .array(phoneNumber('`phone_numbers` must be lines’ numbers in E.164'))
      .min(1)
      .max(MOST_NUMBERS)
      .transform((given) => [...new Set(given)])
      .optional(),
  })
  .refine(({ phone_number, phone_numbers }) => phone_number === undefined || phone_numbers === undefined, {
    error: '`phone_number` cannot be combined with `phone_numbers`',
  })
  .nullish()
  .transform((given) => {
    const lifetimeMs = (given?.expires_in_seconds ?? DEFAULT_S) * 1_000
    if (given?.phone_number !== undefined) return { lifetimeMs, numbers: [given.phone_number], field: 'phone_number' }
    return { lifetimeMs, numbers: given?.phone_numbers ?? null, field: 'phone_numbers' }
  })

const MADE = z.object({
  token: z.string(),
  token_id: z.string(),
  token_type: z.literal('Bearer'),
  expires_at: TIME,
  phone_numbers: z.array(z.string()),
})

/** `POST /v3/auth/tokens`: a token for the account, or for some of its lines alone. It is shown this once. */
export function createTokenDoor({ store, now }: { store: Pick<Store, 'createToken'>; now: () => number }): Door {
  const shape = {
    summary: 'Make a token that ends by itself',
    body: BODY,
    answer: MADE,
    status: 201,
    entry: 'keys',
  } as const
  return door(shape, async ({ body: { lifetimeMs, numbers, field }, request }) => {
    const at = now()
    const expiresAt = at + lifetimeMs
    const call = { credentials: credentialsOf(request), numbers, field, expiresAt, at }
    const { id, token } = await store.createToken(call)
    return {
      token,
      token_id: formatId('token', id),
      token_type: 'Bearer' as const,
      expires_at: isoTime(expiresAt),
      phone_numbers: numbers ?? [],
    }
  })
}

/** `DELETE /v3/auth/tokens/{id}`: from its answer on the token is refused everywhere, and its streams end. */
export function deleteTokenDoor(store: Pick<Store, 'deleteToken'>): Door {
  const shape = { summary: 'Revoke a token', params: z.object({ id: z.string() }), status: 204, entry: 'keys' } as const
  return door(shape, async ({ params, request }) => {
    await store.deleteToken({ credentials: credentialsOf(request), id: idOf('token', params.id) })
    return ''
  })
}
