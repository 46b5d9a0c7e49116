import { join } from 'node:path'
import { dataFolder } from '../../test/support/data-folder.ts'
import type { ConversationId, LineId } from '../core/id.ts'
import type { Address } from '../core/phone-number.ts'
import { openStore } from '../store/open.ts'
import { describeConnector, type Subject } from './connector.contract.ts'
import { RECEIPTS, WRITING } from './index.ts'
import { simulator } from './simulator.ts'

const LINE = 1 as LineId
const CONTACT = '+14155551234' as Address

describeConnector('simulator', start)

async function start(): Promise<Subject> {
  const folder = await dataFolder()
  const store = await openStore({
    url: `sqlite:${join(folder.path, 'readback.db')}`,
    poolSize: 1,
    leaseMs: 30_000,
    secretKey: '0'.repeat(64),
    rules: {
      auto: { plans: [], maxAgeMs: 0 },
      receiptLifetimeMs: 1_000,
      messageLifetimeMs: 1_000,
      receipts: RECEIPTS,
      writing: WRITING,
      relays: [],
    },
    onChanges() {},
    onNotice() {},
    onDeath(error) {
      throw error
    },
  })
  const message = {
    carrierMessageId: 'first',
    contact: CONTACT,
    kind: 'direct',
    conversationAddress: CONTACT,
    service: 'iMessage',
    parts: [{ content: 'Hello', mediaUrl: null }],
    writtenAt: 1_790_000_000_000,
  } as const
  const draft = { email: 'a@example.com', plan: 'free_api', readReceiptsEnabled: true, at: 0 }
  const { account } = await store.createAccount(draft)
  const line = { accountId: account.id, number: '+19175551234' as never, connector: 'simulator', settings: {}, at: 0 }
  await store.createLine(line)
  const deadline = () => AbortSignal.timeout(5_000)
  const connector = simulator({ handset: store, deadline, now: () => 1_790_000_001_000 })
  return {
    connector,
    lineId: LINE,
    settings: {},
    secrets: [],
    refusedSettings: [['colour', { colour: 'blue' }]],
    hook: { headers: {}, body: message },
    async converse(service) {
      await store.writeOnPhone({ ...message, service, lineId: LINE })
      const inbound = { ...message, service, carrierConversation: CONTACT, reaction: false, sentAt: message.writtenAt }
      await store.storeInbound([{ lineId: LINE, message: inbound, receivedAt: 1, carrierNow: 1 }])
      const conversation = { id: 1 as ConversationId, lineId: LINE, kind: 'direct', address: CONTACT, service } as const
      return { ...conversation, carrierConversation: CONTACT, lastMessageId: null, readThrough: null }
    },
    async isRead({ address }) {
      const messages = await store.showPhone({ lineId: LINE, contact: address })
      return messages.every(({ readAt }) => readAt !== null)
    },
    async received({ address }) {
      const messages = await store.showPhone({ lineId: LINE, contact: address })
      return messages.filter(({ fromLine }) => fromLine).map(({ content }) => content ?? '')
    },
    setAway: async (offline) => void (await store.turnKnobs({ lineId: LINE, knobs: { offline } })),
    async [Symbol.asyncDispose]() {
      await store.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}
