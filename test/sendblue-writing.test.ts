import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Answer, type Fault, misbehave, send, serveCarrier } from './support/carrier.ts'
import { CONTACT, type Customer, customer } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

const KEYS = { api_key_id: 'key', api_secret_key: 'secret', signing_secret: 'signing-secret' }

const TAKEN: Answer = { status: 202, body: { status: 'QUEUED', message_handle: 'handle-there' } }

/** Each of them may come from who has the message. */
const PERHAPS: readonly (readonly [string, Fault])[] = [
  ['500', { status: 500, body: { status: 'ERROR', message: 'Out of order' } }],
  ['200 without a handle', { status: 200, body: { status: 'OK' } }],
  ['HTML', { status: 200, body: '<html></html>' }],
  ['nothing, for ever', 'hang'],
  ['a reset', 'reset'],
  ['half an answer', 'cut-short'],
]

// At once: what takes their time is the second until a carrier that failed is tried again.
describe('a message to a line at another server of this API', { concurrency: true }, () => {
  const here = shareReadback()
  const hasty = shareReadback({ READBACK_CARRIER_TIMEOUT_S: '0.5' })

  async function lineAt(url: string, at = here): Promise<{ account: Customer; line: string }> {
    const account = await customer(at, { lines: [] })
    const line = ownLine()
    const draft = { number: line, connector: 'sendblue', settings: { ...KEYS, base_url: url } }
    await at.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, draft)
    return { account, line }
  }

  async function outcome({ account, line }: { account: Customer; line: string }) {
    const given = { number: CONTACT, from_number: line, content: 'Hi' }
    const { message_handle } = (await account.must(200, 'POST', '/api/send-message', given)).body
    return until(
      'an outcome',
      async () => (await account.must(200, 'GET', `/api/status?handle=${message_handle}`)).body,
      ({ status }) => status !== 'QUEUED',
    )
  }

  for (const [how, fault] of PERHAPS) {
    test(`is never sent again where that answers ${how}: it ends ERROR, outcome_unknown`, async () => {
      await using there = await serveCarrier(async (_, response) =>
        typeof fault === 'string' ? misbehave(fault, response) : send(response, fault),
      )
      // For the one that is known by it alone: on a busy machine others might take as long.
      const { status, error_reason } = await outcome(await lineAt(there.url, fault === 'hang' ? hasty : here))
      assert.deepEqual([status, error_reason], ['ERROR', 'outcome_unknown'])
    })
  }

  for (const status of [429, 503]) {
    test(`is sent again where that answers ${status}, and so has not read it`, async () => {
      const answers: Answer[] = [{ status, body: { status: 'ERROR', message: 'Later' } }, TAKEN]
      await using there = await serveCarrier(async ({ method }, response) =>
        send(response, (method === 'POST' && answers.shift()) || { status: 500, body: {} }),
      )
      assert.equal((await outcome(await lineAt(there.url))).status, 'SENT')
    })
  }

  test('is DELIVERED at once where that says so', async () => {
    await using there = await serveCarrier(async (_, response) =>
      send(response, { status: 200, body: { status: 'DELIVERED', message_handle: 'handle-there' } }),
    )
    assert.equal((await outcome(await lineAt(there.url))).status, 'DELIVERED')
  })
})
