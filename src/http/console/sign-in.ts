import { z } from 'zod'
import type { ConsoleStore, OperatorProof, Visitor } from '../../core/console.ts'
import { ReadbackError } from '../../core/errors.ts'
import { accountToWire } from '../account.ts'
import { isOperatorToken } from '../auth.ts'
import { type Door, door } from '../door.ts'
import { sessionCookie, sessionOf, visitorOf, type Whereabouts } from './entrance.ts'
import type { SignInLinks } from './sign-in-links.ts'

/** What the doors to sessions need. */
export interface SignInDesk {
  readonly store: Pick<ConsoleStore, 'openSession' | 'closeSession' | 'getVisitor'>
  readonly operatorToken: string
  readonly links: SignInLinks
  readonly whereabouts: Whereabouts
  /** The plans that include auto mark-read. */
  readonly autoPlans: readonly string[]
  readonly now: () => number
}

const SIGN_IN = z.union(
  [
    z.strictObject({ api_key_id: z.string().max(200), api_secret_key: z.string().max(200) }),
    z.strictObject({ operator_token: z.string().max(1_000) }),
    z.strictObject({ link_token: z.string().max(200) }),
  ],
  { error: 'Give `api_key_id` and `api_secret_key`, or `operator_token`, or `link_token`' },
)

/** `POST /console/session`: signs in, by a key, as the operator, or by a link that does so once. */
export function signInDoor(desk: SignInDesk): Door {
  const failures = new FailedSignIns(desk.now)
  return door({ body: SIGN_IN }, async ({ body, request, reply }) => {
    const opener = openerOf(body, desk)
    const token = opener && (await desk.store.openSession({ opener, at: desk.now() }).catch(notWhoTheySay))
    if (token === undefined) {
      failures.note(request.ip)
      const link = 'link_token' in body
      throw new ReadbackError('unauthorized', link ? 'This link was used already, or is too old' : 'That is not right')
    }
    reply.header('set-cookie', sessionCookie(token, request, desk.whereabouts))
    return visitorToWire(await visitorOf(desk, { sessionToken: token }), desk)
  })
}

/** `GET` on the same path: who is signed in; that nobody is, is an answer too. */
export function visitorDoor(desk: SignInDesk): Door {
  return door({}, async ({ request, reply }) => {
    reply.header('cache-control', 'no-store')
    const visitor = await visitorOf(desk, sessionOf(request)).catch(notWhoTheySay)
    return visitor === undefined ? { status: 'OK', kind: 'nobody' } : visitorToWire(visitor, desk)
  })
}

/** `DELETE`: the session opens nothing from the answer on. */
export function signOutDoor({ store, whereabouts }: SignInDesk): Door {
  return door({}, async ({ request, reply }) => {
    await store.closeSession(sessionOf(request))
    reply.header('set-cookie', sessionCookie('', request, whereabouts))
    return { status: 'OK' }
  })
}

type Opener = Parameters<ConsoleStore['openSession']>[0]['opener']

function openerOf(body: z.output<typeof SIGN_IN>, { operatorToken, links }: SignInDesk): Opener | undefined {
  if ('link_token' in body) return links.redeem(body.link_token)
  if ('api_key_id' in body) return { keyId: body.api_key_id, secret: body.api_secret_key }
  const operator: OperatorProof = { operatorToken }
  return isOperatorToken(body.operator_token, operatorToken) ? operator : undefined
}

function notWhoTheySay(error: unknown): undefined {
  if (!(error instanceof ReadbackError && error.code === 'unauthorized')) throw error
}

function visitorToWire(visitor: Visitor, { autoPlans }: SignInDesk): object {
  if (visitor.kind === 'operator') return { status: 'OK', kind: 'operator' }
  const { account, keyId } = visitor
  return { status: 'OK', kind: 'account', api_key_id: keyId, auto_plans: autoPlans, account: accountToWire(account) }
}

const MOST_FAILED = 10
const WINDOW_MS = 60_000

/** By the address that they came from, of the last minute. */
class FailedSignIns {
  readonly #now: () => number
  readonly #failed = new Map<string, number>()
  #since = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** Whoever has the right words is let in all the same: behind a proxy a stranger would lock everybody out. */
  note(from: string): void {
    if (this.#now() - this.#since >= WINDOW_MS) {
      this.#since = this.#now()
      this.#failed.clear()
    }
    const count = (this.#failed.get(from) ?? 0) + 1
    this.#failed.set(from, count)
    if (count > MOST_FAILED) {
      throw new ReadbackError('rate_limited', 'Too many attempts to sign in. Try again in a minute.')
    }
  }
}
