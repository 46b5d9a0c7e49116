import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { messageOf, ReadbackError } from '../core/errors.ts'

/**
 * Where calls may go. `carrier`: an operator's word, so a Mac at home is as good as a server elsewhere. `customer`: a tenant's word,
 * so public addresses alone, and those that `allow` names. Link-local and metadata addresses are nobody's.
 */
export type AddressPolicy =
  | { readonly of: 'carrier' }
  | { readonly of: 'customer'; readonly allow: readonly AddressRange[] }

export const CARRIER: AddressPolicy = { of: 'carrier' }

export type AddressRange = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** `10.0.0.0/8,::1`: ranges in CIDR notation, or single addresses. Throws `invalid`. */
export function parseAddressRanges(list: string): AddressRange[] {
  const given = list.split(',').map((word) => word.trim())
  return given.filter((word) => word !== '').map(parseRange)
}

function parseRange(word: string): AddressRange {
  try {
    if (word.includes('/')) return ipaddr.parseCIDR(word)
    const address = ipaddr.parse(word)
    return [address, address.kind() === 'ipv4' ? 32 : 128]
  } catch (error) {
    throw new ReadbackError('invalid', `${word} is no address range: ${messageOf(error)}`)
  }
}

export const GUARDED = 'GUARDED_ADDRESS'

/** Refuses what a name leads to: all of it where one address is refused, since any of them may be taken. */
export function guardedLookup(lookup: LookupFunction, policy: AddressPolicy): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, options, (error, answer, family) => {
      const answers = typeof answer === 'string' ? [answer] : (answer ?? []).map(({ address }) => address)
      const refused = answers.some((address) => isRefused(address, policy))
      callback(
        error ?? (refused ? Object.assign(new Error('Guarded address'), { code: GUARDED }) : null),
        answer,
        family,
      )
    })
}

/**
 * Whether a URL's host may be no one's to call: a literal address, which no lookup would see, or a name that is refused as such. As
 * the URL parser has it: any notation of an IPv4 address has become four decimals by then.
 */
export function isRefusedHost(hostname: string, policy: AddressPolicy): boolean {
  const host = bareHost(hostname)
  return ipaddr.isValid(host) ? isRefused(host, policy) : host === METADATA_HOST
}

/** Whether whoever has that URL runs on this machine. */
export function isOnThisMachine(url: string): boolean {
  const host = bareHost(new URL(url).hostname)
  if (ipaddr.isValid(host)) return ipaddr.process(host).range() === 'loopback'
  return host === 'localhost' || host.endsWith('.localhost')
}

/** Whether a literal address is in one of the ranges; a name is not. */
export function isInRanges(url: string, ranges: readonly AddressRange[]): boolean {
  const host = bareHost(new URL(url).hostname)
  return ipaddr.isValid(host) && isAllowed(ipaddr.process(host), ranges)
}

function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '')
}

const METADATA_HOST = 'metadata.google.internal'

/** Google's, Amazon's, Alibaba's, Azure's and Oracle's, where they are not link-local. */
const METADATA_ADDRESSES = ['fd20:ce::254', 'fd00:ec2::254', '100.100.100.200', '168.63.129.16', '192.0.0.192'].map(
  (address) => ipaddr.parse(address).toString(),
)

const NOBODYS_RANGES = ['linkLocal', 'unspecified', 'multicast', 'broadcast']

/** Where in an IPv6 address of these ranges an IPv4 address is hidden: mapped, translated (NAT64) and 6to4. */
const HIDDEN_AT: Readonly<Record<string, number>> = { ipv4Mapped: 12, rfc6145: 12, rfc6052: 12, '6to4': 2 }

function isRefused(address: string, policy: AddressPolicy): boolean {
  if (!ipaddr.isValid(address)) return true
  const parsed = ipaddr.parse(address)
  const hidden = hiddenIn(parsed)
  if (hidden !== undefined) return isRefused(hidden, policy)
  const range = parsed.range()
  if (NOBODYS_RANGES.includes(range) || METADATA_ADDRESSES.includes(parsed.toString())) return true
  return policy.of === 'customer' && range !== 'unicast' && !isAllowed(parsed, policy.allow)
}

function hiddenIn(address: ipaddr.IPv4 | ipaddr.IPv6): string | undefined {
  const bytes = address.toByteArray()
  // "IPv4-compatible" (RFC 4291, 2.5.5.1), deprecated; ::, ::1 and the like are themselves.
  const compatible = bytes.length === 16 && bytes.slice(0, 12).every((byte) => byte === 0) && bytes[12] !== 0
  const hiddenAt = compatible ? 12 : HIDDEN_AT[address.range()]
  return hiddenAt === undefined ? undefined : bytes.slice(hiddenAt, hiddenAt + 4).join('.')
}

function isAllowed(address: ipaddr.IPv4 | ipaddr.IPv6, ranges: readonly AddressRange[]): boolean {
  return ranges.some(([range, bits]) => range.kind() === address.kind() && address.match([range, bits] as never))
}
