import type { BlueBubbles } from './bluebubbles.ts'
import type { Row } from './mac-messages.ts'
import { type Customer, customer, type Readback } from './readback.ts'
import { ownLine } from './shared.ts'
import { until } from './until.ts'

/** An account and its one line, so that many tests share a server and nothing else. */
export interface MacLine {
  readonly account: Customer
  readonly line: string
}

/** A new account, with that Mac as its line. */
export async function connect(
  server: Pick<Readback, 'base' | 'operator'>,
  mac: Pick<BlueBubbles, 'url' | 'password'>,
  { auto = false } = {},
): Promise<MacLine> {
  const account = await customer(server, { auto, lines: [] })
  const line = ownLine()
  const draft = { number: line, connector: 'bluebubbles', settings: { url: mac.url, password: mac.password } }
  await server.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, draft)
  return { account, line }
}

interface Health {
  readonly line_status: string
  readonly reason: string | null
}

export async function health({ operator }: Pick<Readback, 'operator'>, line: string): Promise<Health> {
  const { data } = (await operator.must(200, 'GET', '/operator/lines')).body
  return data.find(({ number }: { number: string }) => number === line)
}

interface Recorded {
  readonly type: string
  readonly data: object
}

/** A recording as if it were written now, and never brought before. */
export function fresh({ type, data }: Recorded): Recorded {
  return { type, data: { ...data, guid: crypto.randomUUID().toUpperCase(), dateCreated: Date.now() } }
}

/** Once that one message was looked for. */
export const askedFor = (mac: BlueBubbles, { guid }: Row) =>
  until(
    'it to be asked for',
    () => mac.calls,
    (calls) => calls.includes(`GET /api/v1/message/${guid}`),
  )
