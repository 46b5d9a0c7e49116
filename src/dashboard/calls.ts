import type { Message, Receipt } from './types.ts'

/** A call of the API: what went in, and what came out where that is always the same. */
export interface ApiCall {
  readonly call: string
  readonly body: object
  readonly answer?: object
}

/** The call that made a message, numbers in their normal form; undefined where a carrier brought it. */
export function callThatMade(message: Message, simulated: boolean): ApiCall | undefined {
  const { number, content, media_url, send_style, service, group_id } = message
  const text = content === null ? {} : { content }
  if (message.is_outbound) {
    const media = media_url === null ? {} : { media_url }
    const style = send_style === null ? {} : { send_style }
    return {
      call: 'POST /api/send-message',
      body: { number, from_number: message.from_number, ...text, ...media, ...style },
    }
  }
  // A part behind the first came with it.
  if (!simulated || message.part > 0) return undefined
  const group = group_id === null ? {} : { group_id }
  const media = media_url === null ? {} : { media_urls: [media_url] }
  const body = { number, to_number: message.from_number, ...text, service, ...group, ...media }
  return { call: 'POST /simulator/messages', body: { ...body, message_id: message.carrier_message_id } }
}

/** The call that asked for a receipt; the auto rule makes none. */
export function callThatAsked({ trigger, number, from_number }: Receipt): ApiCall | undefined {
  if (trigger === 'auto') return undefined
  return {
    call: 'POST /api/mark-read',
    body: { number, from_number },
    answer: { status: 'OK', message: 'Mark read request sent', number },
  }
}
