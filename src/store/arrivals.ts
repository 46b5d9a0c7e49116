import type { Account } from '../core/account.ts'
import type { AutoTiming } from '../core/auto-timing.ts'
import type { MessageId } from '../core/id.ts'
import type { Arrival } from '../core/inbound-message.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import { type AccountRow, toAccount } from './accounts.ts'
import type { Told } from './events.ts'

/** Whose a line is, and when its automatic receipts go. */
export interface Owner {
  readonly account: Account
  readonly number: PhoneNumber
  readonly timing: AutoTiming
}

export type OwnerRow = AccountRow & { readonly line_number: PhoneNumber; readonly line_timing: string | null }

export function toOwner(row: OwnerRow): Owner {
  const account = toAccount(row)
  const timing = row.line_timing === null ? account.autoTiming : JSON.parse(row.line_timing)
  return { account, number: row.line_number, timing }
}

/** By the name that its conversation has here, where its carrier calls the group otherwise since. */
export function asKnown(arrival: Arrival, isKnown: (address: Address) => boolean): Arrival {
  const { conversationAddress: given, formerAddresses } = arrival.message
  const conversationAddress = formerAddresses && [given, ...formerAddresses].find(isKnown)
  if (conversationAddress === undefined) return arrival
  return { ...arrival, message: { ...arrival.message, conversationAddress } }
}

/** What the account is told of one part of what arrived. */
export function arrivalTold(arrival: Arrival, { account, number }: Owner, id: MessageId, part: number): Told {
  const { lineId, message, receivedAt: at } = arrival
  const { contact, kind, conversationAddress, service, parts, sentAt } = message
  const subject = { accountId: account.id, lineId, number }
  const told = {
    id,
    accountId: account.id,
    lineId,
    lineNumber: number,
    outbound: false,
    contact,
    kind,
    conversationAddress,
    service,
    content: parts[part]?.content ?? null,
    mediaUrl: parts[part]?.mediaUrl ?? null,
    status: 'RECEIVED',
    reason: null,
    sendStyle: null,
    readAt: null,
    sentAt,
    createdAt: at,
    updatedAt: at,
  } as const
  return { ...subject, event: { type: 'message.received', message: told }, callback: null, at }
}
