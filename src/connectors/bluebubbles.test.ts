import assert from 'node:assert/strict'
import { test } from 'node:test'
import webhooks from '../../test/fixtures/bluebubbles/macos15-webhooks.json' with { type: 'json' }
import { startBlueBubbles } from '../../test/support/bluebubbles.ts'
import type { ConversationId, LineId } from '../core/id.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import { bluebubbles } from './bluebubbles.ts'
import { createCarrierCaller } from './carrier-call.ts'
import { describeConnector, type Subject } from './connector.contract.ts'

describeConnector('bluebubbles', start)

test('a Mac that has the webhooks of a file alone is not to be told where to call again and again', async () => {
  await using mac = await startBlueBubbles()
  mac.mac.fixedWebhooks = true
  const caller = createCarrierCaller({ timeoutMs: 2_000 })
  const settings = { url: mac.url, password: mac.password }
  const line = bluebubbles(caller, caller).line({ id: 1 as LineId, number: '+14155550100' as PhoneNumber, settings })
  const inboundUrl = 'http://127.0.0.1:9/readback/v1/inbound/secret'
  assert.deepEqual(await line.enrol?.(inboundUrl, null), { kind: 'done', told: 'never' })
  await caller.close()
})

async function start(): Promise<Subject> {
  const mac = await startBlueBubbles({ password: 'a password to be found' })
  const caller = createCarrierCaller({ timeoutMs: 2_000 })
  const settings = { url: mac.url, password: mac.password }
  return {
    connector: bluebubbles(caller, caller),
    lineId: 1 as LineId,
    settings,
    secrets: [mac.password],
    refusedSettings: [
      ['url', { ...settings, url: 'ftp://127.0.0.1' }],
      ['url', { ...settings, url: 'http://169.254.169.254' }],
      ['url', { password: mac.password }],
      ['password', { url: mac.url }],
      ['password', { url: mac.url, password: 1 }],
      ['colour', { ...settings, colour: 'blue' }],
    ],
    hook: { headers: {}, body: webhooks['direct-imessage'] },
    async converse(service) {
      const id = `${service};-;+14155551234`
      mac.chats.add(id)
      const conversation = { id: 1 as ConversationId, lineId: 1 as LineId, kind: 'direct', service } as const
      const address = '+14155551234' as Address
      return { ...conversation, address, carrierConversation: id, lastMessageId: null, readThrough: null }
    },
    isRead: async ({ carrierConversation }) => mac.reads.some(({ id, known }) => known && id === carrierConversation),
    received: async () => mac.sent.map(({ fields }) => String(fields.message)),
    async setAway(away) {
      for (const route of ['info', 'read', 'text', 'type'] as const) {
        if (away) mac.faults.set(route, 'reset')
        else mac.faults.delete(route)
      }
    },
    async [Symbol.asyncDispose]() {
      await caller.close()
      await mac[Symbol.asyncDispose]()
    },
  }
}
