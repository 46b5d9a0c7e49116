import { z } from 'zod'
import { formatId, type LineId } from '../core/id.ts'
import { markRead, RELAYED_HEADER } from '../core/mark-read.ts'
import type { Trigger } from '../core/receipt.ts'
import type { Store } from '../core/store.ts'
import { ok } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { CONTACT_AND_LINE, NO_NUMBER } from './fields.ts'

const BODY = z.object(CONTACT_AND_LINE, { error: NO_NUMBER })
const RECEIPT_HEADER = 'readback-receipt-id'
const SHAPE = {
  summary: 'Mark a conversation as read',
  body: BODY,
  gate: true,
  entry: 'lines',
  answer: ok({ message: z.string(), number: z.string() }),
  headers: { [RECEIPT_HEADER]: 'The receipt that the call became or joined' },
} as const

/** `POST /api/mark-read`: the page's "Send Read Receipt". */
export function markReadDoor(
  store: Pick<Store, 'markRead'>,
  nudge: (lineId: LineId) => void,
  now: () => number,
  trigger: Exclude<Trigger, 'auto'> = 'api',
): Door {
  return door(SHAPE, async ({ body, request, reply }) => {
    const { number, from_number: fromNumber } = body
    const credentials = credentialsOf(request)
    const relayed = request.headers[RELAYED_HEADER] !== undefined
    const call = { credentials, number, fromNumber, trigger, relayed, at: now() } as const
    const receiptId = await markRead(store, nudge, call)
    reply.header(RECEIPT_HEADER, formatId('receipt', receiptId))
    return { status: 'OK', message: 'Mark read request sent', number }
  })
}
