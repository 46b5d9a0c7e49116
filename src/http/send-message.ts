import { z } from 'zod'
import { RELAYED_HEADER } from '../core/mark-read.ts'
import { MESSAGE_STATUSES, type OwnMessage } from '../core/message.ts'
import { type LineNudges, sendMessage } from '../core/send-message.ts'
import { SEND_STYLES } from '../core/sending.ts'
import type { Store } from '../core/store.ts'
import type { AddressPolicy } from '../outgoing/address-guard.ts'
import { TIME } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { customerUrl } from './customer-url.ts'
import { type Door, door } from './door.ts'
import { CONTACT_AND_LINE, CONTENT, handleOf, idOf, isoTime, MESSAGE_BODY_LIMIT, NO_NUMBER } from './fields.ts'
import { errorMessageOf } from './message-body.ts'

/** What the doors to what lines write need. */
export interface SendingDesk extends LineNudges {
  readonly store: Pick<Store, 'sendMessage' | 'getMessage'>
  /** Where a customer may be called. */
  readonly customers: AddressPolicy
  readonly now: () => number
}

const NO_CONTENT = 'You must specify `content` or `media_url` in the request body.'

function bodyOf(customers: AddressPolicy) {
  const fields = {
    ...CONTACT_AND_LINE,
    content: CONTENT.optional(),
    media_url: customerUrl('media_url', customers).optional(),
    send_style: z.enum(SEND_STYLES, { error: `\`send_style\` must be one of ${SEND_STYLES.join(', ')}` }).optional(),
    status_callback: customerUrl('status_callback', customers).optional(),
  }
  // What is not done is refused by its name, so that nobody believes it was.
  const body = z.strictObject(fields, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? refusalOf(issue.keys as string[]) : NO_NUMBER),
  })
  return body.refine(({ content, media_url }) => content?.trim() || media_url !== undefined, { error: NO_CONTENT })
}

function refusalOf(keys: readonly string[]): string {
  return `This server does not send ${keys.map((key) => `\`${key.slice(0, 100)}\``).join(', ')}`
}

/** The SDK's `MessageResponse`; `date_read` is ours. */
const SENT = z.object({
  account_email: z.string(),
  content: z.string(),
  date_created: TIME,
  date_updated: TIME,
  date_read: TIME.nullable(),
  error_code: z.null(),
  error_message: z.string().nullable(),
  error_reason: z.string().nullable(),
  from_number: z.string(),
  is_outbound: z.boolean(),
  media_url: z.string(),
  message_handle: z.string(),
  message_type: z.enum(['message', 'group']),
  number: z.string(),
  seat_id: z.null(),
  send_style: z.string(),
  sender_email: z.null(),
  status: z.enum(MESSAGE_STATUSES),
})

/** `POST /api/send-message`: as the SDK's `messages.send` has it. */
export function sendMessageDoor({ store, nudge, nudgeMessages, customers, now }: SendingDesk): Door {
  const shape = {
    summary: 'Send a message',
    body: bodyOf(customers),
    bodyLimit: MESSAGE_BODY_LIMIT,
    answer: SENT,
    entry: 'lines',
  } as const
  return door(shape, async ({ body, request }) => {
    const taken = await sendMessage(
      store,
      { nudge, nudgeMessages },
      {
        credentials: credentialsOf(request),
        number: body.number,
        fromNumber: body.from_number,
        content: body.content || null,
        mediaUrl: body.media_url ?? null,
        sendStyle: body.send_style ?? null,
        statusCallback: body.status_callback ?? null,
        relayed: request.headers[RELAYED_HEADER] !== undefined,
        at: now(),
      },
    )
    return toWire(taken)
  })
}

const HANDLE = 'You must specify a `handle`.'

/** `GET /api/status?handle=`: as the SDK's `messages.getStatus` has it. */
export function messageStatusDoor({ store }: SendingDesk): Door {
  const query = z.strictObject({ handle: z.string({ error: HANDLE }).min(1, { error: HANDLE }) })
  const shape = { summary: 'What became of a message', query, answer: SENT, entry: 'lines' } as const
  return door(shape, async ({ query: { handle }, request }) => {
    return toWire(await store.getMessage({ credentials: credentialsOf(request), id: idOf('message', handle) }))
  })
}

/** The SDK's `MessageResponse`; `date_read` and `error_reason` are ours: while it is queued, the last obstacle. */
function toWire({ message, owner }: OwnMessage): z.output<typeof SENT> {
  const { contact, lineNumber, outbound, reason, status } = message
  return {
    account_email: owner.email,
    content: message.content ?? '',
    date_created: isoTime(message.createdAt),
    date_updated: isoTime(message.updatedAt),
    date_read: isoTime(message.readAt),
    error_code: null,
    error_message: errorMessageOf(message),
    error_reason: reason,
    from_number: outbound ? lineNumber : contact,
    is_outbound: outbound,
    media_url: message.mediaUrl ?? '',
    message_handle: handleOf(message.id),
    message_type: message.kind === 'group' ? 'group' : 'message',
    number: contact,
    seat_id: null,
    send_style: message.sendStyle ?? '',
    sender_email: null,
    status,
  }
}
