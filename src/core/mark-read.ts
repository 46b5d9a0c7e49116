import type { Account, Credentials } from './account.ts'
import type { Connector } from './connector.ts'
import { ReadbackError } from './errors.ts'
import type { LineId, ReceiptId } from './id.ts'
import type { Line } from './line.ts'
import type { Address, PhoneNumber } from './phone-number.ts'
import type { Trigger } from './receipt.ts'
import type { Store } from './store.ts'

/** One call for a conversation to be marked as read. */
export interface MarkReadCall {
  readonly credentials: Credentials
  readonly number: Address
  readonly fromNumber: PhoneNumber
  readonly trigger: Exclude<Trigger, 'auto'>
  /** Another server that speaks this API made the call for a line of its own. */
  readonly relayed: boolean
  readonly at: number
}

/** The receipt that a call became or joined, and the line whose lane it waits in. */
export interface MarkReadOutcome {
  readonly receiptId: ReceiptId
  readonly lineId: LineId
}

/** Records the request durably, tells the line's lane, and answers; the carrier is never waited for. */
export async function markRead(
  store: Pick<Store, 'markRead'>,
  nudge: (lineId: LineId) => void,
  call: MarkReadCall,
): Promise<ReceiptId> {
  const { receiptId, lineId } = await store.markRead(call)
  nudge(lineId)
  return receiptId
}

/** A call that is made for another server's line carries it. */
export const RELAYED_HEADER = 'readback-relayed'
/** What such a call is told by a line that would relay it again: however many servers are in the circle, it ends here. */
export const RELAY_LOOP =
  'A relayed call is not relayed again: this line leads to another line, which may lead back to it'

/** The account gate [page: read receipts must be enabled for the account first]; mark-read alone stands behind it. */
export function passAccountGate(account: Account): void {
  if (account.readReceiptsEnabled) return
  throw new ReadbackError(
    'forbidden',
    'Read receipts are not enabled for this account. Ask the operator of this server to enable them ' +
      '(PATCH /operator/accounts/{account_id} with {"read_receipts_enabled": true}).',
  )
}

/** What connectors declare, by their names. */
export interface LineRules {
  readonly receipts: Readonly<Record<string, Connector['receipts']>>
  /** Those that relay. */
  readonly relays: readonly string[]
}

/** The line that a call names, if it is this account's and can send receipts at all. Another's is as good as none. */
export function passLine<L extends Pick<Line, 'connector'>>(
  line: L | undefined,
  { receipts, relays }: LineRules,
  relayed: boolean,
): L {
  if (line === undefined) throw new ReadbackError('not_found', 'The from_number is not registered')
  if (Object.keys(receipts[line.connector] ?? {}).length === 0) {
    throw new ReadbackError('invalid', 'The from_number cannot send read receipts')
  }
  if (relayed && relays.includes(line.connector)) throw new ReadbackError('invalid', RELAY_LOOP)
  return line
}
