import { Writable } from 'node:stream'
import { pino } from 'pino'
import { readConfig } from '../../src/config.ts'
import { type Running, start } from '../../src/main.ts'
import { type Client, client } from './client.ts'
import { dataFolder } from './data-folder.ts'
import { until } from './until.ts'

export const OPERATOR_TOKEN = 'operator-token-of-a-test'
export const LINE = '+19175551234'
export const CONTACT = '+14155551234'

export interface Readback extends AsyncDisposable {
  readonly base: string
  readonly dataDir: string
  readonly operator: Client
  /** Every line that was logged so far, as JSON text. */
  readonly logs: readonly string[]
  durability: Running['durability']
  stop(): Promise<void>
}

/** The whole server in this process, on a port and a store of its own. `env` is what an operator would set. */
export async function startReadback(env: Readonly<Record<string, string>> = {}): Promise<Readback> {
  await using undo = new AsyncDisposableStack()
  const dataDir = env.READBACK_DATA_DIR ?? undo.use(await dataFolder()).path
  const settings = { PORT: '0', READBACK_OPERATOR_TOKEN: OPERATOR_TOKEN, READBACK_DATA_DIR: dataDir, ...env }
  const logs: string[] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logs.push(String(chunk))
      done()
    },
  })
  const log = pino({ level: env.LOG_LEVEL ?? 'debug' }, sink)
  const running = await start(readConfig(settings), log, (error) => {
    throw error
  })
  const kept = undo.move()
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= running.stop())
  return {
    base: running.base,
    dataDir,
    operator: client(running.base, { authorization: `Bearer ${OPERATOR_TOKEN}` }),
    logs,
    durability: running.durability,
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
      await kept.disposeAsync()
    },
  }
}

export interface CustomerOptions {
  readonly email?: string
  readonly plan?: string
  readonly readReceipts?: boolean
  readonly auto?: boolean
  /** Simulator lines; none where empty. */
  readonly lines?: readonly string[]
}

/** An account with its keys, and what one does with it: on the line that it was given first, where none is named. */
export interface Customer extends Client {
  readonly accountId: string
  readonly keys: Readonly<Record<'sb-api-key-id' | 'sb-api-secret-key', string>>
  markRead(number?: string, fromNumber?: string): Promise<string>
  /** The contact writes; answers the message handles. */
  write(message?: Readonly<Record<string, unknown>>): Promise<string[]>
  /** What the contact's phone shows. */
  phone(number?: string, fromNumber?: string): Promise<PhoneMessage[]>
  receipt(id: string): Promise<Receipt>
  /** The receipt once it is settled. */
  settled(id: string): Promise<Receipt>
  /** All are: by one look for all, where one for each would cost more than what they wait for. */
  allSettled(): Promise<void>
  carrier(knobs: Readonly<Record<string, unknown>>): Promise<void>
}

interface PhoneMessage {
  readonly message_handle: string | null
  readonly part: number
  readonly content: string | null
  readonly delivered_at: string | null
  readonly read_at: string | null
  readonly from_line: boolean
}

interface Receipt {
  readonly receipt_id: string
  readonly number: string
  readonly state: string
  readonly reason: string | null
  readonly trigger: string
  readonly requests: number
  readonly attempts: number
  readonly read_up_to: string | null
  readonly settled_at: string | null
}

export async function customer(
  server: Pick<Readback, 'base' | 'operator'>,
  options: CustomerOptions = {},
): Promise<Customer> {
  const {
    email = 'customer@example.com',
    plan = 'free_api',
    readReceipts = true,
    auto = false,
    lines = [LINE],
  } = options
  const draft = { email, plan, read_receipts_enabled: readReceipts }
  const { body } = await server.operator.must(201, 'POST', '/operator/accounts', draft)
  const accountId = body.account.account_id
  for (const number of lines) {
    await server.operator.must(201, 'POST', `/operator/accounts/${accountId}/lines`, { number, connector: 'simulator' })
  }
  if (auto) await server.operator.must(200, 'PATCH', `/operator/accounts/${accountId}`, { auto_mark_read: true })
  const keys = { 'sb-api-key-id': body.api_key_id, 'sb-api-secret-key': body.api_secret_key }
  return enter(server.base, accountId, keys, lines[0])
}

/** The same account with keys that are known already. */
export function enter(base: string, accountId: string, keys: Customer['keys'], line = LINE): Customer {
  const self = client(base, keys)
  const receipt = async (id: string): Promise<Receipt> => {
    const { body } = await self.must(200, 'GET', `/readback/v1/receipts/${id}`)
    return body.data
  }
  return {
    ...self,
    accountId,
    keys,
    receipt,
    async markRead(number = CONTACT, fromNumber = line) {
      const answer = await self.must(200, 'POST', '/api/mark-read', { number, from_number: fromNumber })
      return answer.headers.get('readback-receipt-id') ?? ''
    },
    async write(message = {}) {
      const given = { number: CONTACT, to_number: line, content: 'Hello', ...message }
      const { body } = await self.must(201, 'POST', '/simulator/messages', given)
      return body.messages.map((piece: { message_handle: string }) => piece.message_handle)
    },
    async phone(number = CONTACT, fromNumber = line) {
      const query = new URLSearchParams({ number, from_number: fromNumber })
      return (await self.must(200, 'GET', `/simulator/handset?${query}`)).body.messages
    },
    settled: (id) =>
      until(
        `${id} to be settled`,
        () => receipt(id),
        ({ settled_at }) => settled_at !== null,
      ),
    async allSettled() {
      await until(
        'all receipts to be settled',
        () => countOpen(self),
        (count) => count === 0,
      )
    },
    async carrier(knobs) {
      await self.must(200, 'PUT', '/simulator/carrier', { from_number: line, ...knobs })
    },
  }
}

/** One after the other: what is sending by the second list was queued by the first, and never the other way round. */
async function countOpen(account: Client): Promise<number> {
  let count = 0
  for (const state of ['queued', 'sending']) {
    const { body } = await account.must(200, 'GET', `/readback/v1/receipts?state=${state}`)
    count += body.data.length
  }
  return count
}
