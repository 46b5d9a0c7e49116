import { z } from 'zod'
import { formatId } from '../core/id.ts'
import type { Store } from '../core/store.ts'
import { DELIVERY_STATES, type DeliveryLog, OBSTACLES, STATUS_CALLBACK, WEBHOOK_TYPES } from '../core/webhook.ts'
import { DONE, page, TIME } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { fromCursor, pageOf } from './cursor.ts'
import { type Door, door } from './door.ts'
import { idOf, isoTime, whole } from './fields.ts'

const DELIVERY = z.object({
  delivery_id: z.string(),
  webhook_id: z.string(),
  event_id: z.string(),
  type: z.enum([...WEBHOOK_TYPES, STATUS_CALLBACK]),
  url: z.string(),
  state: z.enum(DELIVERY_STATES),
  created_at: TIME,
  next_attempt_at: TIME.nullable(),
  attempts: z.array(
    z.object({
      at: TIME,
      ms: z.number(),
      status: z.int().nullable(),
      reason: z.enum(OBSTACLES).nullable(),
      answer: z.string(),
    }),
  ),
})

const DELIVERIES = z.strictObject({
  state: z.enum(DELIVERY_STATES).optional(),
  limit: whole('limit', { least: 1, most: 200, fallback: 50 }),
  cursor: z.string().optional(),
})

/** `GET /readback/v1/webhook-deliveries` [ours]: newest first, each with its attempts and the start of each answer. */
export function listDeliveriesDoor(store: Pick<Store, 'listDeliveries'>): Door {
  const shape = { summary: 'Calls of webhooks, newest first', query: DELIVERIES, answer: page(DELIVERY) }
  return door(shape, async ({ query: { state, limit, cursor }, request }) => {
    const before = fromCursor('delivery', cursor)
    const found = await store.listDeliveries({
      credentials: credentialsOf(request),
      limit: limit + 1,
      ...(state === undefined ? {} : { state }),
      ...(before === undefined ? {} : { before }),
    })
    const { rows, nextCursor } = pageOf('delivery', found, limit)
    return { status: 'OK', data: rows.map(deliveryToWire), next_cursor: nextCursor }
  })
}

/** `POST /readback/v1/webhook-deliveries/{id}/redeliver` [ours]: once more, under the same `webhook-id`. */
export function redeliverDoor(store: Pick<Store, 'redeliver'>, now: () => number): Door {
  const params = z.object({ id: z.string() })
  return door({ summary: 'Call a webhook once more', params, answer: DONE }, async ({ params, request }) => {
    await store.redeliver({ credentials: credentialsOf(request), id: idOf('delivery', params.id), at: now() })
    return { status: 'OK' }
  })
}

export function deliveryToWire(delivery: DeliveryLog): z.output<typeof DELIVERY> {
  const { id, webhookId, type, url, event, state, createdAt, nextAttemptAt, attempts } = delivery
  return {
    delivery_id: formatId('delivery', id),
    webhook_id: formatId('webhook', webhookId),
    event_id: formatId('event', event.id),
    type,
    url,
    state,
    created_at: isoTime(createdAt),
    next_attempt_at: isoTime(nextAttemptAt),
    attempts: attempts.map(({ at, ms, status, obstacle, answer }) => ({
      at: isoTime(at),
      ms,
      status,
      reason: obstacle,
      answer,
    })),
  }
}
