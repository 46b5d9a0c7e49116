import { z } from 'zod'
import { SERVICES } from '../core/conversation.ts'
import { parseId } from '../core/id.ts'
import {
  MESSAGE_ORDERS,
  MESSAGE_STATUSES,
  type MessageFilter,
  type MessageOrder,
  type MessageStore,
} from '../core/message.ts'
import type { Address } from '../core/phone-number.ts'
import { ok } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { address, idOf, inQuery, phoneNumber, text, whole } from './fields.ts'
import { KEPT_MESSAGE, keptMessageToWire } from './message-body.ts'

const DEFAULT_LIMIT = 50
/** Who asks for more gets so many, and is told so in `pagination`. */
const MOST = 100

function contact(name: string) {
  const malformed = `\`${name}\` is not a valid number`
  return inQuery(name, address(malformed, malformed)).optional()
}

/** A date alone begins its day, no seconds are none, and no zone is UTC. */
function time(name: string) {
  const error = `\`${name}\` must be a date or a time in ISO 8601`
  const zoned = { offset: true, local: true }
  return z
    .string({ error })
    .meta({ format: 'date-time' })
    .transform((given) => given.replace(/ (\d\d:\d\d)$/, '+$1'))
    .pipe(z.union([z.iso.datetime(zoned), z.iso.datetime({ ...zoned, precision: -1 }), z.iso.date()], { error }))
    .transform((given) => Date.parse(/T.*(Z|[+-]\d\d:\d\d)$/.test(given) || !given.includes('T') ? given : `${given}Z`))
    .optional()
}

/** The original's words that none of ours is are taken, and find nothing. */
const OTHER_STATUSES = ['REGISTERED', 'PENDING', 'DECLINED', 'ACCEPTED', 'SUCCESS'] as const

/** The SDK's reference of the event stream spells them so. */
const OTHER_ORDERS: Readonly<Record<string, MessageOrder>> = {
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  sent_at: 'sentAt',
}

function toOrder(word: string): MessageOrder {
  return OTHER_ORDERS[word] ?? (word as MessageOrder)
}

const QUERY = z.strictObject({
  account_email: z.email().optional(),
  created_at_gte: time('created_at_gte'),
  created_at_lte: time('created_at_lte'),
  from_number: contact('from_number'),
  group_id: text('group_id', 512).min(1).optional(),
  is_outbound: z.enum(['true', 'false']).optional(),
  limit: whole('limit', { least: 1, fallback: DEFAULT_LIMIT }),
  message_type: z.enum(['message', 'group']).optional(),
  number: contact('number'),
  offset: whole('offset', { least: 0, fallback: 0 }),
  order_by: z
    .enum([...MESSAGE_ORDERS, ...Object.keys(OTHER_ORDERS)])
    .default('createdAt')
    .transform(toOrder),
  order_direction: z.enum(['asc', 'desc']).default('desc'),
  sendblue_number: inQuery('sendblue_number', phoneNumber('`sendblue_number` is not a valid number')).optional(),
  sent_at_gte: time('sent_at_gte'),
  sent_at_lte: time('sent_at_lte'),
  service: z.enum(SERVICES).optional(),
  status: z.enum([...MESSAGE_STATUSES, ...OTHER_STATUSES]).optional(),
  to_number: contact('to_number'),
  updated_at_gte: time('updated_at_gte'),
  updated_at_lte: time('updated_at_lte'),
  worker_id: z
    .string()
    .transform((word, context) => {
      const id = parseId('line', word)
      if (id === undefined) context.addIssue({ code: 'custom', message: '`worker_id` must be one of a line’s state' })
      return id
    })
    .optional(),
})

const LISTED = ok({
  data: z.array(KEPT_MESSAGE),
  pagination: z.object({ hasMore: z.boolean(), limit: z.int(), offset: z.int(), total: z.int() }),
})

/** `GET /api/v2/messages`: as the SDK's `messages.list` has it. */
export function listMessagesDoor(store: Pick<MessageStore, 'listMessages'>): Door {
  const shape = { summary: 'Messages, newest first', query: QUERY, answer: LISTED, entry: 'lines' } as const
  return door(shape, async ({ query, request }) => {
    const { order_by: orderBy, order_direction: direction, offset } = query
    const limit = Math.min(query.limit, MOST)
    const call = { filter: toFilter(query), page: { orderBy, direction, limit, offset } }
    const { owner, messages, total } = await store.listMessages({ ...call, credentials: credentialsOf(request) })
    return {
      status: 'OK',
      data: messages.map((message) => keptMessageToWire(message, owner)),
      pagination: { hasMore: offset + messages.length < total, limit, offset, total },
    }
  })
}

/** `GET /api/v2/messages/{handle}`: as the SDK's `messages.retrieve` has it. */
export function getMessageDoor(store: Pick<MessageStore, 'getMessage'>): Door {
  const params = z.object({ handle: z.string() })
  const shape = { summary: 'One message', params, answer: ok({ data: KEPT_MESSAGE }), entry: 'lines' } as const
  return door(shape, async ({ params, request }) => {
    const id = idOf('message', params.handle)
    const { owner, message } = await store.getMessage({ credentials: credentialsOf(request), id })
    return { status: 'OK', data: keptMessageToWire(message, owner) }
  })
}

function toFilter(query: z.output<typeof QUERY>): MessageFilter {
  return {
    accountEmail: query.account_email,
    lineId: query.worker_id,
    lineNumber: query.sendblue_number,
    number: query.number,
    fromNumber: query.from_number,
    toNumber: query.to_number,
    outbound: query.is_outbound === undefined ? undefined : query.is_outbound === 'true',
    kind: query.message_type === 'message' ? 'direct' : query.message_type,
    group: query.group_id as Address | undefined,
    service: query.service,
    status: query.status,
    created: { from: query.created_at_gte, to: query.created_at_lte },
    updated: { from: query.updated_at_gte, to: query.updated_at_lte },
    sent: { from: query.sent_at_gte, to: query.sent_at_lte },
  }
}
