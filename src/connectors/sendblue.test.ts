import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { CONTACT, customer } from '../../test/support/readback.ts'
import { ownLine, shareReadback } from '../../test/support/shared.ts'
import { until } from '../../test/support/until.ts'
import type { ConversationId, LineId } from '../core/id.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import { createCarrierCaller } from './carrier-call.ts'
import { describeConnector, type Subject } from './connector.contract.ts'
import { sendblue } from './sendblue.ts'

/** What speaks its API: another Readback, with a simulated phone behind each line. */
const server = shareReadback()

describeConnector('sendblue', start)

test('a typing indicator is shown by whichever of its words Sendblue says so', async () => {
  await using subject = await start()
  const { lineId, number = '' as PhoneNumber, settings } = subject
  const conversation = await subject.converse('iMessage')
  const words = ['SENT', 'QUEUED', 'ERROR']
  const server = createServer((_, answer) => answer.end(JSON.stringify({ status: words.shift() }))).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  const caller = createCarrierCaller({ timeoutMs: 2_000 })
  const base_url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const line = sendblue(caller).line({ id: lineId, number, settings: { ...settings, base_url } })
  const kinds = [...words].map(async () => (await line.sendTyping?.({ conversation, typing: true }))?.kind)
  assert.deepEqual((await Promise.all(kinds)).sort(), ['done', 'done', 'unavailable'])
  await caller.close()
  server.close()
})

async function start(): Promise<Subject> {
  const number = ownLine() as PhoneNumber
  const account = await customer(server, { lines: [number] })
  const caller = createCarrierCaller({ timeoutMs: 2_000 })
  let away = false
  let taken = 0
  // Where nobody listens.
  const call: typeof caller.call = (given) => {
    if (!away && given.url.endsWith('/api/send-message')) taken += 1
    return caller.call(away ? { ...given, url: given.url.replace(server.base, 'http://127.0.0.1:9') } : given)
  }
  const settings = {
    api_key_id: account.keys['sb-api-key-id'],
    api_secret_key: account.keys['sb-api-secret-key'],
    signing_secret: 'a secret to be found'.replaceAll(' ', '-'),
    base_url: server.base,
  }
  const { signing_secret: _secret, ...unsigned } = settings
  return {
    connector: sendblue({ ...caller, call }),
    lineId: 1 as LineId,
    number,
    settings,
    secrets: [settings.api_secret_key, settings.signing_secret],
    refusedSettings: [
      ['base_url', { ...settings, base_url: 'ftp://127.0.0.1' }],
      ['base_url', { ...settings, base_url: 'http://169.254.169.254' }],
      ['api_key_id', { ...settings, api_key_id: '' }],
      ['api_secret_key', { ...settings, api_secret_key: 'two\nlines' }],
      ['signing_secret', unsigned],
      ['colour', { ...settings, colour: 'blue' }],
    ],
    hook: {
      headers: { 'sb-signing-secret': settings.signing_secret },
      body: { ...RECEIVED, to_number: number, sendblue_number: number },
    },
    async converse(service) {
      await account.write({ service })
      const conversation = { id: 1 as ConversationId, lineId: 1 as LineId, kind: 'direct', service } as const
      const address = CONTACT as Address
      return { ...conversation, address, carrierConversation: CONTACT, lastMessageId: null, readThrough: null }
    },
    // Its 200 means that it will be tried.
    async isRead() {
      const idle = async () => (await account.must(200, 'GET', '/readback/v1/receipts')).body.data
      await until('nothing to be under way', idle, (all) =>
        all.every(({ settled_at }: { settled_at: string | null }) => settled_at !== null),
      )
      return (await account.phone()).every(({ read_at }) => read_at !== null)
    },
    // Its 200 means that it is queued.
    received: () =>
      until(
        'what was taken to be there',
        async () => {
          const messages = await account.phone()
          return messages.filter(({ from_line }) => from_line).map(({ content }) => content ?? '')
        },
        ({ length }) => length === taken,
      ),
    setAway: async (now) => {
      away = now
    },
    [Symbol.asyncDispose]: () => caller.close(),
  }
}

const RECEIVED = {
  accountEmail: 'ada@example.com',
  content: 'Hello',
  is_outbound: false,
  status: 'RECEIVED',
  error_code: null,
  error_message: null,
  error_reason: null,
  error_detail: null,
  message_handle: '3F2504E0-4F89-11D3-9A0C-0305E82C3301',
  date_sent: '2026-03-03T10:00:00.000Z',
  date_updated: '2026-03-03T10:00:00.000Z',
  from_number: CONTACT,
  number: CONTACT,
  was_downgraded: null,
  plan: 'free_api',
  media_url: '',
  message_type: 'message',
  group_id: '',
  group_display_name: null,
  participants: [],
  send_style: '',
  opted_out: false,
  service: 'iMessage',
}
