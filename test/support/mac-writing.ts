import type { MacLine } from './mac-line.ts'
import { CONTACT } from './readback.ts'
import { until } from './until.ts'

/** The conversation with the contact, as the Mac has it. */
export const CHAT = `iMessage;-;${CONTACT}`

export async function send({ account, line }: MacLine, message: object = {}): Promise<string> {
  const given = { number: CONTACT, from_number: line, content: 'Hi', ...message }
  return (await account.must(200, 'POST', '/api/send-message', given)).body.message_handle
}

export function becomes(
  { account }: MacLine,
  handle: string,
  wanted: readonly string[],
): Promise<Record<string, unknown>> {
  return until(
    `${handle} to be ${wanted}`,
    async () => (await account.must(200, 'GET', `/api/status?handle=${handle}`)).body,
    ({ status }) => wanted.includes(status),
  )
}
