import { z } from 'zod'
import { formatId, parseId, type TokenId } from '../core/id.ts'
import type { Store } from '../core/store.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { isoTime, phoneNumber } from './fields.ts'

/** As the SDK has it. */
const DEFAULT_S = 900
/** Whoever wants one for longer wants a key. */
const LONGEST_S = 3_600
const MOST_NUMBERS = 1_000

const BODY = z
  .strictObject({
    expires_in_seconds: z.number().int().min(1).max(LONGEST_S).optional(),
    phone_number: phoneNumber('`phone_number` must be a line’s number in E.164').optional(),
    phone_numbers: z
      .array(phoneNumber('`phone_numbers` must be lines’ numbers in E.164'))
      .min(1)
      .max(MOST_NUMBERS)
      .optional(),
  })
  .refine(({ phone_number, phone_numbers }) => phone_number === undefined || phone_numbers === undefined, {
    error: '`phone_number` cannot be combined with `phone_numbers`',
  })
  .nullish()
  .transform((given) => ({
    lifetimeMs: (given?.expires_in_seconds ?? DEFAULT_S) * 1_000,
    numbers: given?.phone_number === undefined ? (given?.phone_numbers ?? null) : [given.phone_number],
  }))

/** `POST /v3/auth/tokens`: a token for the account, or for some of its lines alone. It is shown this once. */
export function createTokenDoor({ store, now }: { store: Pick<Store, 'createToken'>; now: () => number }): Door {
  return door({ body: BODY, entry: 'keys' }, async ({ body: { lifetimeMs, numbers }, request, reply }) => {
    const at = now()
    const expiresAt = at + lifetimeMs
    const { id, token } = await store.createToken({ credentials: credentialsOf(request), numbers, expiresAt, at })
    reply.code(201)
    return {
      token,
      token_id: formatId('token', id),
      token_type: 'Bearer',
      expires_at: isoTime(expiresAt),
      phone_numbers: numbers ?? [],
    }
  })
}

/** `DELETE /v3/auth/tokens/{id}`: from its answer on the token is refused everywhere, and its streams end. */
export function deleteTokenDoor(store: Pick<Store, 'deleteToken'>): Door {
  return door({ params: z.object({ id: z.string() }), entry: 'keys' }, async ({ params, request, reply }) => {
    // An id that cannot exist is looked for all the same: 401 comes before 404.
    await store.deleteToken({ credentials: credentialsOf(request), id: parseId('token', params.id) ?? NO_TOKEN })
    reply.code(204)
    return ''
  })
}

const NO_TOKEN = 0 as TokenId
