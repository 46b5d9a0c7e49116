import { FormData } from 'undici'
import { z } from 'zod'
import type { FailedCall, ReceiptOutcome } from '../core/connector.ts'
import type { Conversation } from '../core/conversation.ts'
import { formatId } from '../core/id.ts'
import {
  LINE_LEFT,
  type MessageCall,
  type MessageOutcome,
  type SendStyle,
  type TypingCall,
  type Writing,
} from '../core/sending.ts'
import type { NoAnswer } from '../outgoing/http-call.ts'
import { findChat, type NotFound, renamed } from './bluebubbles-chat.ts'
import { certainObstacle, keepsIds } from './bluebubbles-info.ts'
import { type Heard, outcomeOf, SAID_WITHIN_MS, type Talk, type talkTwice } from './bluebubbles-talk.ts'
import { ID } from './carrier-fields.ts'
import { fetchMedia, type Media, type MediaCaller } from './media.ts'

/** Effects are iMessage's alone. */
export const WRITING: Writing = {
  messages: {
    iMessage: { media: true, styles: true },
    RCS: { media: true, styles: false },
    SMS: { media: true, styles: false },
  },
  typing: true,
}

/** Apple's own names of them. */
const EFFECTS: Readonly<Record<SendStyle, string>> = {
  celebration: 'com.apple.messages.effect.CKSparklesEffect',
  shooting_star: 'com.apple.messages.effect.CKShootingStarEffect',
  fireworks: 'com.apple.messages.effect.CKFireworksEffect',
  lasers: 'com.apple.messages.effect.CKLasersEffect',
  love: 'com.apple.messages.effect.CKHeartEffect',
  confetti: 'com.apple.messages.effect.CKConfettiEffect',
  balloons: 'com.apple.messages.effect.CKHappyBirthdayEffect',
  spotlight: 'com.apple.messages.effect.CKSpotlightEffect',
  echo: 'com.apple.messages.effect.CKEchoEffect',
  invisible: 'com.apple.MobileSMS.expressivesend.invisibleink',
  gentle: 'com.apple.MobileSMS.expressivesend.gentle',
  loud: 'com.apple.MobileSMS.expressivesend.loud',
  slam: 'com.apple.MobileSMS.expressivesend.impact',
}

/** What goes with every message. AppleScript could neither say an effect nor wait for the message's id. */
function envelopeOf({ id, sendStyle }: MessageCall): Record<string, string> {
  const effect = sendStyle === null ? {} : { effectId: EFFECTS[sendStyle] }
  return { tempGuid: formatId('message', id), method: 'private-api', ...effect }
}

interface Sending {
  /** Begins a deadline: that of the call that sends begins when all is there that it needs. */
  readonly talk: () => Talk
  /** The same, for a question that need not be answered. */
  readonly twice: () => ReturnType<typeof talkTwice>
  readonly media: MediaCaller
  readonly mayCall: () => boolean
}

export async function sendMessage(sending: Sending, call: MessageCall): Promise<MessageOutcome> {
  const { talk, media, mayCall } = sending
  const look = () => (mayCall() ? talk() : LEFT)
  const chat = await findChat(look, call.conversation)
  const send: Send = async (path, body, schema = SENT) =>
    mayCall() ? sentFrom(await talk()('POST', path, body), schema) : LINE_LEFT
  if (chat.kind !== 'found') {
    const opens = chat.reason === 'no_conversation' && call.mediaUrl === null
    return opens ? openChat(send, call) : notFound(chat, call)
  }
  const now = (await renamedIfAny(sending, look, call.conversation)) ?? chat
  if (now.kind !== 'found') return notFound(now, call)
  const chatGuid = now.id
  if (call.mediaUrl === null) {
    return send(['message', 'text'], { ...envelopeOf(call), chatGuid, message: call.content ?? '' })
  }
  const obstacle = await obstacleOf(sending)
  if (obstacle !== undefined) return obstacle
  const file = await fetchMedia(media, call.mediaUrl)
  // Nobody waits for a file that whoever leaves the line gave up.
  if (file.kind !== 'media') return mayCall() ? file : LINE_LEFT
  return call.content === null
    ? sendFile(send, chatGuid, file, call)
    : sendTextWithFile(talk, send, chatGuid, file, call)
}

/** Of a Mac that cannot say soon it is not waited for where there is nothing to be said: its other messages wait behind this one. */
function renamedIfAny({ twice, mayCall }: Sending, look: () => Talk, conversation: Conversation) {
  const { hasty, enough } = twice()
  const timer = setTimeout(async () => {
    if (await keepsIds(look())) enough()
  }, SAID_WITHIN_MS)
  return renamed(look, conversation, () => (mayCall() ? hasty : LEFT)).finally(() => clearTimeout(timer))
}

/** Its file would be fetched anew at each try. */
async function obstacleOf({ twice, mayCall }: Sending): Promise<FailedCall | undefined> {
  if (!mayCall()) return LINE_LEFT
  const { hasty, enough } = twice()
  const timer = setTimeout(enough, SAID_WITHIN_MS)
  return certainObstacle(hasty).finally(() => clearTimeout(timer))
}

/** A line that was left waits for no call more. */
export const LEFT: Talk = async () => ({ ...LINE_LEFT, mayHaveArrived: false })

/** The one call that sends, unless the line was left meanwhile. */
type Send = (path: readonly string[], body: unknown, schema?: z.ZodType<Sent>) => Promise<MessageOutcome>

/** To somebody whom the Mac never wrote with: the conversation comes with its first message. */
function openChat(send: Send, call: MessageCall): Promise<MessageOutcome> {
  const { content, conversation } = call
  const body = { ...envelopeOf(call), addresses: [conversation.address], message: content ?? '', service: 'iMessage' }
  const OPENED = z.object({ messages: z.tuple([SENT], SENT) }).transform(({ messages: [first] }) => first)
  return send(['chat', 'new'], body, OPENED)
}

function sendFile(send: Send, chatGuid: string, file: Media, call: MessageCall): Promise<MessageOutcome> {
  const form = formOf(file)
  const fields = { ...envelopeOf(call), chatGuid, name: file.name }
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return send(['message', 'attachment'], form)
}

const UPLOADED = z.object({ path: z.string().min(1) })

/** As one message: what is uploaded is nobody's to see until it is sent. */
async function sendTextWithFile(
  talk: () => Talk,
  send: Send,
  chatGuid: string,
  file: Media,
  call: MessageCall,
): Promise<MessageOutcome> {
  const heard = await talk()('POST', ['attachment', 'upload'], formOf(file))
  const uploaded = heard.kind === 'done' ? UPLOADED.safeParse(heard.data).data : undefined
  if (uploaded === undefined) return notUploaded(heard, call)
  const parts = [
    { partIndex: 0, attachment: uploaded.path, name: file.name },
    { partIndex: 1, text: call.content },
  ]
  const body = { ...envelopeOf(call), chatGuid, parts }
  return send(['message', 'multipart'], body)
}

/** So often is a Mac asked for what comes before a message, where it has the call each time: all that the line writes waits behind it. */
const MOST_TRIES = 5

function unlessLast(failed: NoAnswer, { attempts }: MessageCall): MessageOutcome {
  return attempts + 1 >= MOST_TRIES ? { ...failed, kind: 'rejected' } : { ...failed, tried: true }
}

/** Nobody could say what the conversation is called. */
function notFound(failed: NotFound, call: MessageCall): MessageOutcome {
  return failed.kind === 'unavailable' && failed.own === true ? unlessLast(failed, call) : failed
}

function notUploaded(heard: Heard, call: MessageCall): MessageOutcome {
  if (heard.kind === 'rejected' || heard.kind === 'absent') return sentFrom(heard, SENT)
  const nowhere = { kind: 'unavailable', reason: 'carrier_error', detail: 'no path in the answer' } as const
  const failed = heard.kind === 'done' ? { ...nowhere, mayHaveArrived: true } : heard
  return failed.mayHaveArrived ? unlessLast(failed, call) : failed
}

function formOf({ bytes, type, name }: Media): FormData {
  const form = new FormData()
  form.append('attachment', new Blob([new Uint8Array(bytes)], { type }), name)
  return form
}

/** It answers once the message is in the Mac's table, with its row. */
const SENT = z.object({ guid: ID, dateDelivered: z.number().nullish() })

type Sent = z.infer<typeof SENT>

function sentFrom(heard: Heard, schema: z.ZodType<Sent>): MessageOutcome {
  if (heard.kind === 'unavailable') {
    return heard.mayHaveArrived ? { kind: 'unknown', detail: `${heard.reason} ${heard.detail ?? ''}`.trim() } : heard
  }
  if (heard.kind === 'absent') return { kind: 'rejected', reason: 'rejected', detail: heard.detail }
  if (heard.kind === 'rejected') return heard
  const row = schema.safeParse(heard.data).data
  if (row === undefined) return { kind: 'unknown', detail: 'no message in the answer' }
  return { kind: 'sent', carrierMessageId: row.guid, delivered: (row.dateDelivered ?? 0) > 0 }
}

/** `hasty` gives up sooner whether the conversation still has its id: typing is of the moment. */
export async function sendTyping(
  talk: Talk,
  hasty: Talk,
  { conversation, typing }: TypingCall,
): Promise<ReceiptOutcome> {
  const chat = await findChat(() => talk, conversation)
  if (chat.kind !== 'found') return chat
  const now =
    (await renamed(
      () => talk,
      conversation,
      () => hasty,
    )) ?? chat
  if (now.kind !== 'found') return now
  return outcomeOf(await talk(typing ? 'POST' : 'DELETE', ['chat', now.id, 'typing']))
}
