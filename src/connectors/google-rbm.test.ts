import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { signedHook, startGoogle, textFrom } from '../../test/support/google.ts'
import type { ConversationId, LineId } from '../core/id.ts'
import type { Address } from '../core/phone-number.ts'
import { createCarrierCaller } from './carrier-call.ts'
import { describeConnector, type Subject } from './connector.contract.ts'
import { googleRbm } from './google-rbm.ts'

describeConnector('google_rbm', start)

test('a line is at Google’s endpoint for its region, or at the one for all, and gets its token where Google gives any', async () => {
  await using subject = await start()
  const { base_url: _url, service_account, ...settings } = subject.settings
  const { token_uri: _uri, ...account } = service_account as Record<string, unknown>
  const parsed = (more: object) =>
    subject.connector.parseSettings({ ...settings, service_account: account, ...more }) as Record<string, unknown>
  assert.equal(parsed({}).base_url, 'https://rcsbusinessmessaging.googleapis.com')
  for (const region of ['us', 'europe', 'asia'])
    assert.equal(parsed({ region }).base_url, `https://${region}-rcsbusinessmessaging.googleapis.com`)
  const { client_email, private_key } = account
  const token_uri = 'https://oauth2.googleapis.com/token'
  assert.deepEqual(parsed({}).service_account, { client_email, private_key, token_uri })
})

/** Google's tokens are asked for with RS256 alone. */
const OF_ANOTHER_KIND = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey

async function start(): Promise<Subject> {
  const google = await startGoogle()
  const caller = createCarrierCaller({ timeoutMs: 2_000 })
  const { settings } = google
  const { client_token: _token, ...unsigned } = settings
  const { base_url: _url, ...regional } = settings
  const account = (change: object) => ({ service_account: { ...(settings.service_account as object), ...change } })
  return {
    connector: googleRbm(caller),
    lineId: 1 as LineId,
    settings,
    secrets: google.secrets,
    refusedSettings: [
      ['base_url', { ...settings, base_url: 'ftp://127.0.0.1' }],
      ['base_url', { ...settings, base_url: 'http://169.254.169.254' }],
      ['region', { ...regional, region: 'moon' }],
      ['agent_id', { ...settings, agent_id: 'two words' }],
      ['client_token', unsigned],
      ['service_account', { ...settings, service_account: 'a path' }],
      ['service_account.type', { ...settings, ...account({ type: 'authorized_user' }) }],
      ['service_account.client_email', { ...settings, ...account({ client_email: '' }) }],
      ['client_token', { ...settings, client_token: '' }],
      ['service_account.private_key', { ...settings, ...account({ private_key: 'no key' }) }],
      ['service_account.private_key', { ...settings, ...account({ private_key: OF_ANOTHER_KIND }) }],
      ['service_account.token_uri', { ...settings, ...account({ token_uri: 'http://metadata.google.internal' }) }],
      ['colour', { ...settings, colour: 'blue' }],
    ],
    hook: signedHook(textFrom('+14155551234', 'MxAbC')),
    async converse(service) {
      const conversation = { id: 1 as ConversationId, lineId: 1 as LineId, kind: 'direct', service } as const
      const address = '+14155551234' as Address
      return { ...conversation, address, carrierConversation: address, lastMessageId: null, readThrough: null }
    },
    isRead: async () => google.read.size > 0,
    async setAway(away) {
      for (const route of ['token', 'event'] as const) {
        if (away) google.faults.set(route, 'reset')
        else google.faults.delete(route)
      }
    },
    async [Symbol.asyncDispose]() {
      await caller.close()
      await google[Symbol.asyncDispose]()
    },
  }
}
