import { CONTACT, type Customer, customer, type Readback } from './readback.ts'

export const SIGNING_SECRET = 'a-signing-secret-to-be-found'
export const KEYS = {
  api_key_id: 'key-at-sendblue',
  api_secret_key: 'api-secret-to-be-found',
  signing_secret: SIGNING_SECRET,
}

export interface Relay {
  readonly account: Customer
  readonly line: string
  readonly inboundUrl: string
}

/** An account here with a line that lives there. */
export async function relay(here: Readback, line: string, settings: object, auto = false): Promise<Relay> {
  const account = await customer(here, { auto, lines: [] })
  const draft = { number: line, connector: 'sendblue', settings }
  const { body } = await here.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, draft)
  return { account, line, inboundUrl: body.line.inbound_url }
}

export async function receive(
  { line, inboundUrl }: Relay,
  change: object = {},
  secret = SIGNING_SECRET,
): Promise<number> {
  const message = {
    is_outbound: false,
    status: 'RECEIVED',
    message_handle: crypto.randomUUID(),
    content: 'Hello',
    media_url: '',
    from_number: CONTACT,
    number: CONTACT,
    to_number: line,
    sendblue_number: line,
    message_type: 'message',
    group_id: '',
    participants: [],
    service: 'iMessage',
    date_sent: new Date().toISOString(),
    ...change,
  }
  const headers = { 'content-type': 'application/json', 'sb-signing-secret': secret }
  return (await fetch(inboundUrl, { method: 'POST', headers, body: JSON.stringify(message) })).status
}

export const receiptsOf = async ({ account }: Relay) =>
  (await account.must(200, 'GET', '/readback/v1/receipts')).body.data
