import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiKey } from './core/account.ts'
import type { Connector } from './core/connector.ts'
import type { Address, PhoneNumber } from './core/phone-number.ts'
import { receiveInbound } from './core/receive-inbound.ts'
import type { Store } from './core/store.ts'

/** The page's own examples. */
const LINE = '+19175551234' as PhoneNumber
const CONTACT = '+14155551234' as Address

export interface Demo {
  readonly store: Store
  readonly simulator: Connector
  readonly dataDir: string
  readonly now: () => number
}

/**
 * Contract §8, `READBACK_DEMO`: an account with keys, a simulated line, and a contact who has just written. Only in a store that
 * holds nothing; where an earlier start made it, its keys are found again. Answers the file that holds them.
 */
export async function prepareDemo({ store, simulator, dataDir, now }: Demo): Promise<string | undefined> {
  const file = join(dataDir, 'demo.env')
  if ((await store.listAccounts()).length > 0) return (await stillHolds(store, file)) ? file : undefined
  const at = now()
  const draft = { email: 'demo@example.com', plan: 'free_api', readReceiptsEnabled: true, at }
  const { account, credentials } = await store.createAccount(draft)
  const settings = simulator.parseSettings({})
  const { line } = await store.createLine({
    accountId: account.id,
    number: LINE,
    connector: simulator.name,
    settings,
    at,
  })
  const message = {
    contact: CONTACT,
    kind: 'direct',
    conversationAddress: CONTACT,
    carrierMessageId: 'demo',
    service: 'iMessage',
    parts: [{ content: 'Hi! Did you get my message?', mediaUrl: null }],
    writtenAt: at,
  } as const
  await store.write({ ...message, lineId: line.id })
  const { messages } = simulator.line(line).parseInbound({ headers: {}, body: message })
  const arrivals = messages.map((inbound) => ({ lineId: line.id, message: inbound, receivedAt: at, carrierNow: at }))
  await receiveInbound(store, () => {}, arrivals)
  const text = `SB_API_KEY_ID=${credentials.keyId}\nSB_API_SECRET_KEY=${credentials.secret}\n`
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

/** What the start prints: nothing in it is secret, and each command works as pasted. */
export function demoText(base: string, file: string): string {
  const headers = `-H "sb-api-key-id: $SB_API_KEY_ID" -H "sb-api-secret-key: $SB_API_SECRET_KEY"`
  const query = `number=${encodeURIComponent(CONTACT)}&from_number=${encodeURIComponent(LINE)}`
  return `
  A contact, ${CONTACT}, has just written to your line ${LINE}.
  Their phone now shows the message as "Delivered". Mark it as read, from this folder:

    . ${file} && curl -sS ${base}/api/mark-read \\
      ${headers} \\
      -H 'content-type: application/json' -d '{"number":"${CONTACT}","from_number":"${LINE}"}'

  Their phone then shows "Read" (read_at):

    . ${file} && curl -sS '${base}/simulator/handset?${query}' \\
      ${headers}

  The keys are kept in ${file}.
`
}

async function stillHolds(store: Store, file: string): Promise<boolean> {
  try {
    await store.admit({ credentials: readKeys(file), gate: false })
    return true
  } catch {
    return false
  }
}

function readKeys(file: string): ApiKey {
  const values = readFileSync(file, 'utf8').matchAll(/^SB_API_\w+=(.*)$/gm)
  const [keyId = '', secret = ''] = Array.from(values, ([, value]) => value)
  return { keyId, secret }
}
