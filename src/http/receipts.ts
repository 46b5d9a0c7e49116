import { z } from 'zod'
import { SERVICES } from '../core/conversation.ts'
import { formatId } from '../core/id.ts'
import { awaitsReply, RECEIPT_STATES, type Receipt, type ReceiptFilter, TRIGGERS } from '../core/receipt.ts'
import type { Store } from '../core/store.ts'
import { ok, page, TIME } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { fromCursor, pageOf } from './cursor.ts'
import { type Door, door } from './door.ts'
import { address, handleOf, idOf, inQuery, isoTime, phoneNumber, REASON, whole } from './fields.ts'

const DEFAULT_LIMIT = 50
const MOST = 200

const QUERY = z.strictObject({
  number: inQuery('number', address('`number` is empty', '`number` is not a valid number')).optional(),
  from_number: inQuery('from_number', phoneNumber('`from_number` is not a valid number')).optional(),
  state: z.enum(RECEIPT_STATES).optional(),
  trigger: z.enum(TRIGGERS).optional(),
  limit: whole('limit', { least: 1, most: MOST, fallback: DEFAULT_LIMIT }),
  cursor: z.string().optional(),
})

const RECEIPT = z
  .object({
    receipt_id: z.string(),
    number: z.string(),
    from_number: z.string(),
    service: z.enum(SERVICES).nullable(),
    trigger: z.enum(TRIGGERS),
    state: z.enum(RECEIPT_STATES),
    reason: REASON.nullable(),
    requests: z.int(),
    attempts: z.int(),
    read_up_to: z.string().nullable(),
    requested_at: TIME,
    next_attempt_at: TIME.nullable(),
    expires_at: TIME.nullable(),
    settled_at: TIME.nullable(),
    verified_at: TIME.nullable(),
  })
  .meta({ id: 'Receipt' })

/** `GET /readback/v1/receipts/{id}`: what became of one receipt, and why [ours]. */
export function getReceiptDoor(store: Pick<Store, 'getReceipt'>): Door {
  const params = z.object({ id: z.string() })
  const shape = { summary: 'What became of a receipt', params, answer: ok({ data: RECEIPT }), entry: 'lines' } as const
  return door(shape, async ({ params, request }) => {
    const receipt = await store.getReceipt({ credentials: credentialsOf(request), id: idOf('receipt', params.id) })
    return { status: 'OK', data: receiptToWire(receipt) }
  })
}

/** `GET /readback/v1/receipts`: newest first; `next_cursor` is null on the last page. */
export function listReceiptsDoor(store: Pick<Store, 'listReceipts'>): Door {
  const shape = { summary: 'Receipts, newest first', query: QUERY, answer: page(RECEIPT), entry: 'lines' } as const
  return door(shape, async ({ query, request }) => {
    const found = await store.listReceipts({ credentials: credentialsOf(request), filter: toFilter(query) })
    const { rows, nextCursor } = pageOf('receipt', found, query.limit)
    return { status: 'OK', data: rows.map(receiptToWire), next_cursor: nextCursor }
  })
}

function toFilter({ number, from_number, state, trigger, cursor, limit }: z.output<typeof QUERY>): ReceiptFilter {
  const before = fromCursor('receipt', cursor)
  return {
    ...(number === undefined ? {} : { number }),
    ...(from_number === undefined ? {} : { fromNumber: from_number }),
    ...(state === undefined ? {} : { state }),
    ...(trigger === undefined ? {} : { trigger }),
    ...(before === undefined ? {} : { before }),
    limit: limit + 1,
  }
}

export function receiptToWire(receipt: Receipt): z.output<typeof RECEIPT> {
  return {
    receipt_id: formatId('receipt', receipt.id),
    number: receipt.number,
    from_number: receipt.fromNumber,
    service: receipt.service,
    trigger: receipt.trigger,
    state: receipt.state,
    reason: awaitsReply(receipt) ? 'awaiting_reply' : receipt.reason,
    requests: receipt.requests,
    attempts: receipt.attempts,
    read_up_to: handleOf(receipt.readUpTo),
    requested_at: isoTime(receipt.requestedAt),
    next_attempt_at: isoTime(receipt.nextAttemptAt),
    expires_at: awaitsReply(receipt) ? null : isoTime(receipt.expiresAt),
    settled_at: isoTime(receipt.settledAt),
    verified_at: isoTime(receipt.verifiedAt),
  }
}
