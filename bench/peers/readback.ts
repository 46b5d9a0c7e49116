// Readback's own store and outbox, with a carrier that does nothing in place of one that is called.

import type { Connector } from '../../src/core/connector.ts'
import type { Arrival } from '../../src/core/inbound-message.ts'
import type { Address, PhoneNumber } from '../../src/core/phone-number.ts'
import { createOutbox } from '../../src/outbox/index.ts'
import { createHttpCaller } from '../../src/outgoing/http-call.ts'
import { openStore } from '../../src/store/open.ts'
import { contactNumber, lineNumber } from '../support/numbers.ts'
import { obey } from '../support/queue-peer.ts'

const { DATABASE_URL = '', LINES } = process.env
const FOR_EVER_MS = 24 * 3_600_000
/** As many as pg-boss takes at once in its smaller batches. */
const AT_ONCE = 256

let carried = 0
const nothing: Connector = {
  name: 'nothing',
  receipts: { iMessage: 'conversation' },
  settings: {},
  parseSettings: () => ({}),
  line: () => ({
    parseInbound: () => ({ messages: [] }),
    async sendReceipt() {
      carried += 1
      return { kind: 'done' }
    },
    pace: async () => ({ callsPerSecond: Number.POSITIVE_INFINITY, concurrency: AT_ONCE }),
  }),
}

const store = await openStore({
  url: DATABASE_URL,
  poolSize: 10,
  leaseMs: 30_000,
  secretKey: 'ab'.repeat(32),
  rules: {
    auto: { plans: [], maxAgeMs: 0 },
    receiptLifetimeMs: FOR_EVER_MS,
    messageLifetimeMs: FOR_EVER_MS,
    receipts: { nothing: nothing.receipts },
    writing: {},
    relays: [],
  },
  onChanges: (changes) => outbox.changed(changes),
  onNotice() {},
  onDeath(error) {
    throw error
  },
})
const now = () => store.now()
const outbox = createOutbox({
  store,
  connectors: { nothing },
  inboundUrl: (secret) => secret,
  catchUpIntervalMs: FOR_EVER_MS,
  dedupeAgeMs: FOR_EVER_MS,
  retentionMs: FOR_EVER_MS,
  webhooks: {
    caller: createHttpCaller({
      timeoutMs: 1_000,
      largestAnswer: { bytes: 1_024, beyond: 'cut' },
      policy: { of: 'customer', allow: [] },
    }),
    allow: [],
    bodyOf: () => ({}),
  },
  log: { info() {}, warn: console.warn, error: console.error },
  now,
})
const draft = { email: 'bench@example.com', plan: 'free_api', readReceiptsEnabled: true, at: now() } as const
const { account, credentials } = await store.createAccount(draft)
const lines = await Promise.all(
  Array.from({ length: Number(LINES) }, async (_, index) => {
    const number = lineNumber(index) as PhoneNumber
    const line = { accountId: account.id, number, connector: 'nothing', settings: {}, at: now() }
    return (await store.createLine(line)).line
  }),
)
await outbox.start()
await outbox.turnToCarriers()

const pause = (paused: boolean) => Promise.all(lines.map(({ id }) => store.updateLine({ id, paused })))
let written = 0

/** Each of a contact of its own, which wrote once. */
async function write(contacts: number): Promise<void> {
  while (written < contacts) {
    const length = Math.min(AT_ONCE, contacts - written)
    await store.storeInbound(Array.from({ length }, (_, index) => arrival(written + index)))
    written += length
  }
}

function arrival(index: number): Arrival {
  const { line, contact } = placeOf(index)
  const at = now()
  const message = {
    ...({ carrierMessageId: `message ${index}`, service: 'iMessage', kind: 'direct', contact } as const),
    ...{ conversationAddress: contact, carrierConversation: contact, reaction: false, sentAt: at },
    parts: [{ content: 'Hello', mediaUrl: null }] as const,
  }
  return { lineId: line.id, message, receivedAt: at, carrierNow: at }
}

function placeOf(index: number) {
  const line = lines[index % lines.length] as (typeof lines)[number]
  return { line, contact: contactNumber(Math.floor(index / lines.length)) as Address }
}

obey({
  async fill(receipts) {
    await pause(true)
    await write(receipts)
    const calls = Array.from({ length: receipts }, (_, index) => {
      const { line, contact: number } = placeOf(index)
      return store.markRead({ credentials, number, fromNumber: line.number, trigger: 'api', relayed: false, at: now() })
    })
    await Promise.all(calls)
  },
  async work() {
    await pause(false)
    for (const { id } of lines) outbox.nudge(id)
  },
  rest: () => pause(true),
  handled: () => carried,
})
