import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Credentials } from '../core/account.ts'
import { ReadbackError } from '../core/errors.ts'

/** The page's two headers, or under `/console/` the session. A missing one is as good as a wrong one. */
export function credentialsOf({ headers, session }: FastifyRequest): Credentials {
  return session ?? { keyId: only(headers['sb-api-key-id']), secret: only(headers['sb-api-secret-key']) }
}

/** Throws `unauthorized` unless the request carries the operator's bearer token. */
export function admitOperator({ headers }: FastifyRequest, operatorToken: string): void {
  const given = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
  if (!isOperatorToken(given, operatorToken)) throw new ReadbackError('unauthorized', 'Invalid operator token')
}

export function isOperatorToken(given: string, operatorToken: string): boolean {
  return timingSafeEqual(digest(given), digest(operatorToken))
}

function only(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : ''
}

/** Of one length, whatever was given: `timingSafeEqual` wants that. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
