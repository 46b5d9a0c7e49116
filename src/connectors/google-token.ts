import { createHash } from 'node:crypto'
import { addAbortListener } from 'node:events'
import type { GoogleToken, gaxios } from 'google-auth-library'
import { z } from 'zod'
import type { FailedCall } from '../core/connector.ts'
import { messageOf } from '../core/errors.ts'
import type { HttpAnswer, HttpCaller } from '../outgoing/http-call.ts'
import { excerpt, tryLater } from './carrier-call.ts'

/** What of Google's JSON for a service account signs in. */
interface ServiceAccount {
  readonly client_email: string
  /** PEM. */
  readonly private_key: string
  /** Where a token is asked for. */
  readonly token_uri: string
}

interface Token {
  readonly kind: 'token'
  readonly text: string
  /** Set once Google refused it, whatever its lifetime says. */
  refused: boolean
  isExpiring(): boolean
}

/** Tokens by service account: whoever asks while one is good, or on its way, gets that one. */
export interface GoogleTokens {
  get(account: ServiceAccount, deadline: AbortSignal): Promise<Token | FailedCall>
}

/** Google for Developers, "Using OAuth 2.0 for Server to Server Applications"; the scope is RBM's. */
const SCOPE = 'https://www.googleapis.com/auth/rcsbusinessmessaging'

/** So long before its end a token is replaced. */
const EAGER_MS = 60_000

interface Asked {
  readonly asking: Promise<Token | FailedCall>
  readonly deadline: AbortSignal
}

const LATE: FailedCall = { kind: 'unavailable', reason: 'timeout' }

/** A copy of what Google would give again: any node can have its own. */
export function createGoogleTokens(caller: HttpCaller): GoogleTokens {
  const tokens = new Map<string, Asked>()
  const get: GoogleTokens['get'] = async (account, deadline) => {
    const id = createHash('sha256').update(JSON.stringify(account)).digest('base64')
    const held = tokens.get(id)
    const known = await inTime(held?.asking, deadline)
    if (known?.kind === 'token' && !known.refused && !known.isExpiring()) return known
    if (deadline.aborted) return LATE
    // Unless another has begun meanwhile.
    const asked = tokens.get(id)
    if (asked !== held && asked !== undefined) {
      const given = await inTime(asked.asking, deadline)
      if (deadline.aborted || given?.kind === 'token' || !asked.deadline.aborted) return given ?? LATE
      // The time of whoever asked is over, ours is not.
      return get(account, deadline)
    }
    const asking = ask(caller, account, deadline)
    tokens.set(id, { asking, deadline })
    return asking
  }
  return { get }
}

/** What was begun by whoever has another time. */
async function inTime<T>(begun: Promise<T> | undefined, deadline: AbortSignal): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  using _ = addAbortListener(deadline, () => resolve(undefined))
  return await Promise.race([begun, late])
}

/** What the library is told in place of an answer; it throws it on. */
class NoToken extends Error {
  readonly outcome: FailedCall

  constructor(outcome: FailedCall) {
    super(outcome.reason)
    this.outcome = outcome
  }
}

async function ask(caller: HttpCaller, account: ServiceAccount, deadline: AbortSignal): Promise<Token | FailedCall> {
  try {
    const token = await tokenOf(account, async ({ data }) => {
      const url = account.token_uri
      const answer = await caller.call({ method: 'POST', url, body: data, deadline })
      const outcome = answer.kind === 'answer' ? sortAnswer(answer, account) : answer
      if ('access_token' in outcome) return outcome
      throw new NoToken(outcome)
    })
    const { access_token } = await token.getToken()
    return { kind: 'token', text: access_token ?? '', refused: false, isExpiring: () => token.isTokenExpiring() }
  } catch (error) {
    if (error instanceof NoToken) return error.outcome
    return { kind: 'rejected', reason: 'wrong_password', detail: excerpt(messageOf(error), secretsOf(account)) }
  }
}

type Transporter = NonNullable<NonNullable<ConstructorParameters<typeof GoogleToken>[0]>['transporter']>

/** Loaded by the first line at Google: 34 ms and 22 MB that no other server should pay. Its own transport knows no guard. */
async function tokenOf(
  { client_email, private_key, token_uri }: ServiceAccount,
  send: (request: gaxios.GaxiosOptions) => Promise<unknown>,
): Promise<GoogleToken> {
  const { GoogleToken } = await import('google-auth-library')
  const transporter: Transporter = {
    request: async <T>(request: gaxios.GaxiosOptions) => ({ data: await send(request) }) as gaxios.GaxiosResponse<T>,
  }
  return new GoogleToken({
    email: client_email,
    key: private_key,
    scope: SCOPE,
    additionalClaims: { aud: token_uri },
    eagerRefreshThresholdMillis: EAGER_MS,
    transporter,
  })
}

const TOKEN = z.object({ access_token: z.string().regex(/^[\x21-\x7e]+$/), expires_in: z.number().positive() })
const REFUSAL = z.object({ error: z.string(), error_description: z.string().optional() })

/** Google refuses what was signed at another time than its own; it allows for some minutes. */
const CLOCK_TOLERANCE_MS = 5 * 60_000

/** RFC 6749, 5.1 and 5.2. */
function sortAnswer(answer: HttpAnswer, account: ServiceAccount): z.infer<typeof TOKEN> | FailedCall {
  const { status, body, date } = answer
  const token = TOKEN.safeParse(body).data
  if (status === 200 && token !== undefined) return token
  const refusal = REFUSAL.safeParse(body).data
  const said = `${status} ${refusal?.error ?? ''} ${refusal?.error_description ?? ''}`.trim()
  const detail = excerpt(said, secretsOf(account))
  if (refusal === undefined || ![400, 401, 403].includes(status)) return tryLater(answer, detail)
  const clockOff = date !== undefined && Math.abs(date - Date.now()) > CLOCK_TOLERANCE_MS
  if (clockOff) return tryLater(answer, detail, 'clock_off')
  return { kind: 'rejected', reason: 'wrong_password', detail }
}

function secretsOf({ private_key }: ServiceAccount): string[] {
  return [private_key]
}
