import assert from 'node:assert/strict'
import { type Google, signedHook, textFrom } from './google.ts'
import { CONTACT, type Customer, customer, type Readback } from './readback.ts'
import { ownLine } from './shared.ts'
import { until } from './until.ts'

/** An account with a line that is an agent of RCS for Business. */
interface Agent extends AsyncDisposable {
  readonly account: Customer
  readonly number: string
  readonly inboundUrl: string
}

/** An agent at that Google. It ends with its test: a later one’s Google may get the same port. */
export async function agent({ base, operator }: Pick<Readback, 'base' | 'operator'>, google: Google): Promise<Agent> {
  const number = ownLine()
  const account = await customer({ base, operator }, { auto: true, lines: [] })
  const line = { number, connector: 'google_rbm', settings: google.settings }
  const { body } = await operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, line)
  return {
    account,
    number,
    inboundUrl: body.line.inbound_url,
    async [Symbol.asyncDispose]() {
      await operator.must(200, 'DELETE', `/operator/lines/${encodeURIComponent(number)}`)
    },
  }
}

/** A call of the agent's webhook. */
export function call({ inboundUrl }: Agent, { headers, body }: { headers: object; body: unknown }): Promise<Response> {
  const given = { 'content-type': 'application/json', ...headers }
  return fetch(inboundUrl, { method: 'POST', headers: given, body: JSON.stringify(body) })
}

/** A contact writes: Google takes exactly 200 for taken. */
export async function write(line: Agent, messageId: string, contact = CONTACT, change: object = {}): Promise<void> {
  assert.equal((await call(line, signedHook(textFrom(contact, messageId, change)))).status, 200)
}

export function markRead({ account, number }: Agent, contact = CONTACT): Promise<string> {
  return account.markRead(contact, number)
}

/** The receipt once it is settled. */
export async function marked(line: Agent, contact = CONTACT) {
  return line.account.settled(await markRead(line, contact))
}

export function outcomeOf({ account }: Agent, id: string) {
  return until(
    'an outcome',
    () => account.receipt(id),
    ({ reason, settled_at }) => reason !== null || settled_at !== null,
  )
}

/** To be waited for first where it takes seconds: to ask our server all the while costs more than what it does. */
export async function untilRead(google: Google, messages: number): Promise<void> {
  await until(
    `${messages} to be read`,
    () => google.read.size,
    (size) => size === messages,
  )
}
