import { CONTACT, type Customer, LINE } from './readback.ts'
import { until } from './until.ts'

/** What is known of a message that a line sent. */
export interface Status {
  readonly message_handle: string
  readonly status: string
  readonly error_reason: string | null
  readonly date_read: string | null
}

export async function send(account: Customer, message: object = {}): Promise<string> {
  const given = { number: CONTACT, from_number: LINE, content: 'Hi', ...message }
  return (await account.must(200, 'POST', '/api/send-message', given)).body.message_handle
}

export async function statusOf(account: Customer, handle: string): Promise<Status> {
  return (await account.must(200, 'GET', `/api/status?handle=${handle}`)).body
}

export function ended(account: Customer, handle: string): Promise<Status> {
  return until(
    `${handle} to leave the queue`,
    () => statusOf(account, handle),
    ({ status }) => status !== 'QUEUED',
  )
}
