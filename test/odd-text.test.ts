import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startCustomerServer } from './support/customer-server.ts'
import { nodeSettings, postgresServer, requirePostgres } from './support/postgres.ts'
import { CONTACT, type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'
import { addWebhooks, WEBHOOKS } from './support/webhooks.ts'

describe('text that is no text on SQLite', () => describeOddText({}))

describe('text that is no text on PostgreSQL', { skip: requirePostgres() }, async () => {
  const undo = new AsyncDisposableStack()
  const settings: Record<string, string> = {}
  before(async () => {
    const postgres = undo.use(await postgresServer())
    Object.assign(settings, nodeSettings(undo.use(await postgres.database())))
  })
  describeOddText(settings)
  after(() => undo.disposeAsync())
})

/** What a client sends that cut a text between the two halves of a character. */
const HALF = '\ud83d'
/** What the simulated carrier says of every message. */
const HOOK = { contact: CONTACT, kind: 'direct', conversationAddress: CONTACT, service: 'iMessage' }

function describeOddText(settings: Readonly<Record<string, string>>): void {
  let server: Readback
  let account: Customer
  before(async () => {
    server = await startReadback(settings)
    account = await customer(server)
  })
  after(() => server[Symbol.asyncDispose]())

  /** Where the simulated carrier calls. */
  const inboundUrl = async () => {
    const path = `/operator/lines/${encodeURIComponent(LINE)}/inbound-url`
    return (await server.operator.must(200, 'GET', path)).body.inbound_url
  }

  test('is no address: half a character is refused, with what is wrong', async () => {
    const answer = await account.call('POST', '/api/mark-read', { number: `${HALF}@example.com`, from_number: LINE })
    assert.equal(answer.status, 400)
    assert.match(answer.body.message, /number/)
  })

  test('loses no message: half a character is shown as one that is unknown, and its conversation is one', async () => {
    for (const content of [`Hello ${HALF}`, 'Again']) await account.write({ content, group_id: `friends ${HALF}` })
    const { body } = await account.must(200, 'GET', '/api/v2/messages?group_id=friends%20%EF%BF%BD')
    const contents = body.data.map(({ content }: { content: string }) => content)
    assert.deepEqual(contents.sort(), ['Again', 'Hello \ufffd'])
  })

  test('loses no file: the URL that a carrier names for it is kept without the NUL', async () => {
    const { pathname } = new URL(await inboundUrl())
    const parts = [{ content: 'A file\0', mediaUrl: `https://example.com/a\0b?${HALF}` }]
    await account.must(200, 'POST', pathname, { ...HOOK, carrierMessageId: 'a file', parts, writtenAt: Date.now() })
    const { body } = await account.must(200, 'GET', `/api/v2/messages?number=${encodeURIComponent(CONTACT)}`)
    const [{ content, media_url }] = body.data
    assert.deepEqual([content, media_url], ['A file', 'https://example.com/ab?\ufffd'])
  })

  test('is kept of what an endpoint answered, without the NUL', async () => {
    await using prompt = await startCustomerServer()
    prompt.answer = (_, response) => response.end('o\0k')
    const { webhooks } = (await addWebhooks(account, [prompt.url])).body
    assert.deepEqual(webhooks.receive, [prompt.url])
    await account.write()
    const answer = await until(
      'the answer',
      async () => (await account.must(200, 'GET', '/readback/v1/webhook-deliveries')).body.data[0]?.attempts[0]?.answer,
      (told) => told !== undefined,
    )
    assert.equal(answer, 'ok')
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: { receive: [] } })
  })

  test('is no URL: neither NUL, nor more than is kept of one, as an endpoint or a callback', async () => {
    const longest = `https://example.com/${'x'.repeat(2_028)}`
    for (const bad of [`${longest}x`, `https://example.com/${'界'.repeat(2_000)}`, 'https://example.com/\0', HALF]) {
      assert.equal((await account.call('POST', WEBHOOKS, { webhooks: [bad] })).status, 400)
      assert.equal((await account.call('PUT', WEBHOOKS, { webhooks: { receive: [bad] } })).status, 400)
      const message = { number: CONTACT, from_number: LINE, content: 'Hello', status_callback: bad }
      assert.equal((await account.call('POST', '/api/send-message', message)).status, 400)
    }
    const { webhooks } = (await addWebhooks(account, [longest])).body
    assert.deepEqual(webhooks.receive, [longest])
  })

  test('is no time, where a carrier names one that no date has', async () => {
    const { pathname } = new URL(await inboundUrl())
    const parts = [{ content: 'From no time', mediaUrl: null }]
    const bring = (carrierMessageId: string, writtenAt: number) =>
      account.call('POST', pathname, { ...HOOK, carrierMessageId, parts, writtenAt })
    for (const at of [1e17, 1.5, -1]) assert.equal((await bring(`at ${at}`, at)).status, 400, String(at))
    assert.equal((await bring('x'.repeat(3_000), Date.now())).status, 400)
    assert.equal((await bring('now', Date.now())).status, 200)
    const { body } = await account.must(200, 'GET', `/api/v2/messages?number=${encodeURIComponent(CONTACT)}`)
    const contents = body.data.map(({ content }: { content: string }) => content)
    assert.equal(contents.filter((content: string) => content === 'From no time').length, 1)
  })
}
