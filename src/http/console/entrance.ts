import type { FastifyRequest } from 'fastify'
import type { SessionProof } from '../../core/account.ts'
import { type ConsoleStore, SESSION_MS, type Visitor } from '../../core/console.ts'
import { ReadbackError } from '../../core/errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set under `/console/` alone: a cookie opens nothing else. */
    session: SessionProof | null
  }
}

const COOKIE = 'readback_session'

/** Where the dashboard may be reached. */
export interface Whereabouts {
  /** What the server was told to listen on. */
  readonly host: string
  readonly publicUrl: string | undefined
}

/**
 * Keeps out a page of another site whose name was made to lead here (DNS rebinding): for the browser it is of the same origin, but
 * its name is in `Host`.
 */
export function checkHost({ headers }: FastifyRequest, { host, publicUrl }: Whereabouts): void {
  const name = URL.parse(`http://${headers.host ?? ''}`)?.hostname ?? ''
  const own = publicUrl === undefined ? undefined : URL.parse(publicUrl)?.hostname
  if (isLoopbackName(name) || name === own || name === host || name === `[${host}]`) return
  throw new ReadbackError(
    'forbidden',
    'This server is not reached by that name: set READBACK_PUBLIC_URL to where it is',
  )
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name)
}

/**
 * Keeps out calls that another site makes in somebody's browser. `SameSite` looks at the site alone, and another port is the
 * same site; `Origin` comes with every call that can change anything. A proxy may put a `Host` of its own, as nginx does unless told.
 */
export function checkOrigin({ method, headers }: FastifyRequest, whereabouts: Whereabouts): void {
  const site = headers['sec-fetch-site']
  const stranger = site !== undefined && site !== 'same-origin' && site !== 'none'
  const reading = method === 'GET' || method === 'HEAD'
  const origin = URL.parse(headers.origin ?? '')
  const own = origin !== null && (origin.host === headers.host || origin.origin === publicOrigin(whereabouts))
  if (!stranger && (reading || own)) return
  throw new ReadbackError(
    'forbidden',
    'Only pages of this server may call that. Behind a proxy, set READBACK_PUBLIC_URL to where it is reached',
  )
}

export function sessionOf({ headers }: FastifyRequest): SessionProof {
  const found = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]*)`).exec(headers.cookie ?? '')
  return { sessionToken: found?.[1] ?? '' }
}

/** Whoever is signed in by it; throws `unauthorized`. */
export function visitorOf(
  { store, operatorToken }: { readonly store: Pick<ConsoleStore, 'getVisitor'>; readonly operatorToken: string },
  session: SessionProof,
): Promise<Visitor> {
  return store.getVisitor({ session, operator: { operatorToken } })
}

/** `Secure` where the browser came over TLS, which a proxy in front of this server speaks. */
export function sessionCookie(token: string, { headers }: FastifyRequest, whereabouts: Whereabouts): string {
  const own = publicOrigin(whereabouts)
  const secure = own?.startsWith('https:') && headers.origin === own ? '; Secure' : ''
  const age = token === '' ? 0 : SESSION_MS / 1_000
  return `${COOKIE}=${token}; Path=/console; HttpOnly; SameSite=Strict; Max-Age=${age}${secure}`
}

function publicOrigin({ publicUrl }: Whereabouts): string | undefined {
  return publicUrl === undefined ? undefined : URL.parse(publicUrl)?.origin
}
