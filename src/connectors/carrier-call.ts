import type { UnavailableOutcome } from '../core/connector.ts'
import { ReadbackError } from '../core/errors.ts'
import type { Reason } from '../core/reason.ts'
import { CARRIER, isRefusedHost } from '../outgoing/address-guard.ts'
import { createHttpCaller, type HttpAnswer, type HttpCaller } from '../outgoing/http-call.ts'

/** A page of messages, with all that hangs on them. */
const LARGEST_ANSWER = 16 * 1024 * 1024

/** The caller that connectors share. */
export function createCarrierCaller({ timeoutMs }: { readonly timeoutMs: number }): HttpCaller {
  return createHttpCaller({ timeoutMs, policy: CARRIER, largestAnswer: { bytes: LARGEST_ANSWER, beyond: 'refuse' } })
}

/** An answer that is no use now, by what its status means wherever it comes from (RFC 9110, 15; RFC 6585). */
export function tryLater({ status, retryAfterMs }: HttpAnswer, detail: string, reason?: Reason): UnavailableOutcome {
  const byStatus = status === 429 ? 'rate_limited' : status === 408 || status === 504 ? 'timeout' : 'carrier_error'
  const waiting = retryAfterMs === undefined ? {} : { retryAfterMs }
  return { kind: 'unavailable', reason: reason ?? byStatus, detail, ...waiting }
}

/** Whoever says so did nothing else (RFC 9110, 15.5.2 and 15.6.4; RFC 6585, 4). A 403 may be for what was answered once it was done. */
export const REFUSED_UNREAD: readonly number[] = [401, 429, 503]

const EXCERPT_LENGTH = 200
/** To look for addresses takes by the square of the length: 54 s for 160,000 letters, in which nobody else is served. */
const LOOKED_THROUGH = 1_000

/** Numbers as people and carriers write them, and addresses, in URLs too. */
const ADDRESSES = /\+?\d[\d .()-]{5,}\d|[^\s@"'<>;,]+(?:@|%40)[^\s@"'<>;,]+/g

/**
 * What nobody is to read in what is told of an answer, which may echo the call: its secrets, or `all` of its words where the call carried
 * a text, since a carrier may cut or spell that as it likes.
 */
export type Unsaid = readonly string[] | 'all'

/** What a carrier said, short and on one line, without the contact and what is unsaid. */
export function excerpt(said: string, unsaid: Unsaid): string {
  if (unsaid === 'all') return ''
  // One may be part of another.
  const longestFirst = unsaid.flatMap(spellingsOf).toSorted((one, other) => other.length - one.length)
  const clean = longestFirst.reduce((text, secret) => text.replaceAll(secret, '…'), said)
  return clean
    .slice(0, LOOKED_THROUGH)
    .replace(ADDRESSES, '…')
    .replace(/[\p{C}\s]+/gu, ' ')
    .slice(0, EXCERPT_LENGTH)
}

/** As it is, as it stands in JSON, and in URLs, which do not agree on what has to be encoded. */
function spellingsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret.toWellFormed())
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encoded,
    new URL(`http://h/?${encoded}`).search.slice(1),
    new URLSearchParams({ s: secret }).toString().slice(2),
  ]
}

/**
 * The base of a carrier's URL, without the slash at its end. Private and loopback addresses are allowed: a Mac stands at home.
 * Throws `invalid` that names the setting.
 */
export function parseCarrierUrl(name: string, input: unknown): string {
  const url = typeof input === 'string' ? URL.parse(input) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new ReadbackError('invalid', `\`${name}\` must be an http or https URL`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new ReadbackError('invalid', `\`${name}\` must hold no user name and no password`)
  }
  if (/[?#]/.test(url.href)) throw new ReadbackError('invalid', `\`${name}\` must end before any ? or #`)
  if (isRefusedHost(url.hostname, CARRIER)) {
    const message = `\`${name}\` must not lead to a link-local, cloud metadata, unspecified or multicast address`
    throw new ReadbackError('invalid', message)
  }
  return url.href.replace(/\/+$/, '')
}
