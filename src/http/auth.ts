import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Credentials } from '../core/account.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountStore } from '../core/store.ts'
import type { Guard } from './surface.ts'

/**
 * The page's two headers, where a missing one is as good as a wrong one; a bearer token where there is neither. Under `/console/`
 * the session, and nothing else.
 */
export function credentialsOf({ headers, session }: FastifyRequest): Credentials {
  if (session !== null) return session
  const [keyId, secret] = [headers['sb-api-key-id'], headers['sb-api-secret-key']]
  const token = keyId === undefined && secret === undefined ? bearerOf(headers) : undefined
  return token === undefined ? { keyId: only(keyId), secret: only(secret) } : { token }
}

/** Whoever may not enter an account's doors learns nothing about the body (`docs/api.md`, "Every request"). */
export function admittingFirst(store: Pick<AccountStore, 'admit'>): Required<Pick<Guard, 'refuse'>> {
  return {
    async refuse(request, { gate = false, entry = 'account' }) {
      await store.admit({ credentials: credentialsOf(request), gate, entry })
    },
  }
}

/** Throws `unauthorized` unless the request carries the operator's bearer token. */
export function admitOperator({ headers }: FastifyRequest, operatorToken: string): void {
  if (!isOperatorToken(bearerOf(headers) ?? '', operatorToken)) {
    throw new ReadbackError('unauthorized', 'Invalid operator token')
  }
}

export function isOperatorToken(given: string, operatorToken: string): boolean {
  return timingSafeEqual(digest(given), digest(operatorToken))
}

function bearerOf({ authorization }: FastifyRequest['headers']): string | undefined {
  return /^Bearer +(.+)$/i.exec(authorization ?? '')?.[1]
}

function only(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : ''
}

/** Of one length, whatever was given: `timingSafeEqual` wants that. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
