import { z } from 'zod'
import { isPlainText } from '../core/plain-text.ts'
import { type AddressPolicy, isRefusedHost } from '../outgoing/address-guard.ts'

const LONGEST_URL = 2_048

/** A URL of a customer's that this server is to call. `name` is the field that holds it. */
export function customerUrl(name: string, policy: AddressPolicy) {
  return z.string().transform((given, context) => {
    const complaint = complaintAbout(given, policy)
    if (complaint === undefined) return given
    context.addIssue({ code: 'custom', message: `\`${name}\`: ${complaint}` })
    return z.NEVER
  })
}

/** A literal address is looked at here, so that nobody waits for a call that cannot come; a name is when it is called. */
export function complaintAbout(given: string, policy: AddressPolicy): string | undefined {
  const url = URL.parse(given)
  // As it is called: what is not ASCII is three times as long then, and more.
  if (Math.max(given.length, url?.href.length ?? 0) > LONGEST_URL) {
    return `a URL has ${LONGEST_URL} characters at the most, percent-encoded`
  }
  if (!isPlainText(given)) return 'a URL must hold no NUL and no half of a character'
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return 'a URL must be http or https'
  if (url.username !== '' || url.password !== '') return 'a URL must hold no user name and no password'
  return isRefusedHost(url.hostname, policy) ? FORBIDDEN : undefined
}

const FORBIDDEN =
  'a URL must not lead to a private or special address; private ones the operator of this server can allow (READBACK_WEBHOOK_ALLOW)'
