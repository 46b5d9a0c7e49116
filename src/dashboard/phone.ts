import { call } from './api.ts'
import type { Service } from './types.ts'

/** What a contact writes on the simulated phone: the body of `POST /simulator/messages`. */
export interface Writing {
  number: string
  to_number: string
  content?: string
  service?: Service
  group_id?: string
  media_urls?: string[]
}

/** Answers the handle of its first part. */
export async function write(writing: Writing): Promise<string> {
  const { messages } = await call<{ messages: { message_handle: string }[] }>('POST', '/simulator/messages', writing)
  return messages[0]?.message_handle ?? ''
}

const GREETINGS = ['Hello!', 'Hi, is anybody there?', 'Good morning', 'Quick question…', 'Hey! Do you have a minute?']

/** Somebody who has not written yet, by a number that documentation may use. */
export function newWriting(line: string, service: Service, group: boolean): Writing {
  const content = GREETINGS[Math.floor(Math.random() * GREETINGS.length)] ?? 'Hello!'
  const writing = { number: documentationNumber(), to_number: line, content, service }
  return group ? { ...writing, group_id: `group-${Math.random().toString(36).slice(2, 7)}` } : writing
}

export function documentationNumber(): string {
  const area = ['415', '212', '312', '617', '206', '503', '702', '808'][Math.floor(Math.random() * 8)]
  return `+1${area}55501${String(Math.floor(Math.random() * 100)).padStart(2, '0')}`
}
