import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, test } from 'node:test'
import { startGoogle } from './support/google.ts'
import { CONTACT, customer, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

const WELL = '+19175550101'

/** A port where nobody listens. */
async function nobody(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}

const google = await startGoogle()
await google[Symbol.asyncDispose]()

const SETTINGS: Readonly<Record<string, (url: string) => object>> = {
  bluebubbles: (url) => ({ url, password: 'secret-to-be-found' }),
  google_rbm: (base_url) => ({ ...google.settings, base_url }),
  sendblue: (base_url) => ({
    api_key_id: 'key-to-be-found',
    api_secret_key: 'secret-to-be-found',
    signing_secret: 'signing-to-be-found',
    base_url,
  }),
}

describe('a carrier that refuses the connection', () => {
  for (const [connector, settingsFor] of Object.entries(SETTINGS)) {
    test(`keeps a receipt of ${connector} waiting with its reason, and another line’s go out meanwhile`, async () => {
      await using server = await startReadback()
      const account = await customer(server, { lines: [WELL] })
      const settings = settingsFor(await nobody())
      const { body } = await server.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, {
        number: LINE,
        connector,
        settings,
      })
      if (connector !== 'sendblue')
        assert.deepEqual([body.line.line_status, body.line.reason], ['OFFLINE', 'unreachable'])
      await account.write({ to_number: WELL })
      const [away, well] = [await account.markRead(CONTACT, LINE), await account.markRead(CONTACT, WELL)]
      assert.equal((await account.settled(well)).state, 'sent')
      assert.notEqual((await account.phone(CONTACT, WELL))[0]?.read_at, null)
      // Where messages are marked one by one, there is none to mark: that is known without a call.
      const receipt = await until(
        'an outcome',
        () => account.receipt(away),
        ({ reason }) => reason !== null,
      )
      const expected = connector === 'google_rbm' ? ['skipped', 'no_conversation'] : ['sending', 'unreachable']
      assert.deepEqual([receipt.state, receipt.reason], expected)
      const said = [...server.logs, JSON.stringify([receipt, body])].join('\n')
      for (const secret of ['secret-to-be-found', 'signing-to-be-found', ...google.secrets]) {
        assert.ok(!said.includes(secret), 'a secret is told')
      }
    })
  }
})
