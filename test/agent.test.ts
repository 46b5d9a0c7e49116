import assert from 'node:assert/strict'
import { test } from 'node:test'
import Sendblue from 'sendblue'
import { type CustomerServer, startCustomerServer } from './support/customer-server.ts'
import { CONTACT, customer, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

function told(sink: CustomerServer, path: string): Record<string, unknown>[] {
  return sink.received.filter((came) => came.path === path).map(({ body }) => JSON.parse(body))
}

test('an agent lives: it is written to, reads, types, answers, and hears that its answer was read', async () => {
  await using sink = await startCustomerServer()
  await using server = await startReadback()
  const account = await customer(server)
  const sdk = new Sendblue({
    baseURL: server.base,
    apiKey: account.keys['sb-api-key-id'],
    apiSecret: account.keys['sb-api-secret-key'],
  })
  for (const type of ['receive', 'outbound', 'typing_indicator']) {
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [`${sink.url}/${type}`], type })
  }
  const screen = async () => {
    const query = new URLSearchParams({ number: CONTACT, from_number: LINE })
    return (await account.must(200, 'GET', `/simulator/handset?${query}`)).body
  }

  // The contact types, then writes.
  await account.must(200, 'POST', '/simulator/typing', { number: CONTACT, to_number: LINE, typing: true })
  const [typing] = await until(
    'the typing to be told',
    () => told(sink, '/typing_indicator'),
    ({ length }) => length > 0,
  )
  const { timestamp, ...who } = typing ?? {}
  assert.ok(Date.parse(String(timestamp)) > 0)
  assert.deepEqual(who, {
    accountEmail: 'customer@example.com',
    number: CONTACT,
    from_number: CONTACT,
    to_number: LINE,
    sendblue_number: LINE,
    is_typing: true,
  })
  await account.write({ content: 'Are you there?' })
  const [inbound] = await until(
    'the message to be told',
    () => told(sink, '/receive'),
    ({ length }) => length > 0,
  )
  assert.equal(inbound?.content, 'Are you there?')

  // The agent reads, types and answers.
  const [number, from_number] = [String(inbound?.from_number), String(inbound?.sendblue_number)]
  await account.settled(await account.markRead(number, from_number))
  assert.ok((await screen()).messages[0].read_at)
  assert.deepEqual(await sdk.typingIndicators.send({ number, from_number }), {
    status: 'SENT',
    number,
    error_message: null,
  })
  assert.equal((await screen()).typing, true)
  const status_callback = `${sink.url}/callback`
  const sent = await sdk.messages.send({ number, from_number, content: 'I am', status_callback })
  assert.equal(sent.status, 'QUEUED')
  const handle = String(sent.message_handle)
  const statuses = (path: string) =>
    told(sink, path)
      .filter(({ message_handle }) => message_handle === handle)
      .map(({ status }) => status)
  await until(
    'it to be delivered',
    () => statuses('/callback'),
    (seen) => seen.includes('DELIVERED'),
  )
  const delivered = await screen()
  assert.equal(delivered.typing, false)
  const answer = delivered.messages[1]
  assert.deepEqual([answer.content, answer.from_line, answer.read_at], ['I am', true, null])
  assert.equal(answer.message_handle, handle)

  // The contact reads it.
  await account.must(200, 'POST', '/simulator/handset/open', { number: CONTACT, from_number: LINE })
  await until(
    'both to hear that it was read',
    () => [statuses('/callback'), statuses('/outbound')],
    (lists) => lists.every((seen) => seen.includes('READ')),
  )
  const read = (await account.must(200, 'GET', `/api/status?handle=${handle}`)).body
  assert.deepEqual([read.status, read.date_read], ['READ', (await screen()).messages[1].read_at])
  assert.equal((await sdk.messages.getStatus({ handle })).message_handle, handle)

  // To open it again tells nothing new.
  await account.must(200, 'POST', '/simulator/handset/open', { number: CONTACT, from_number: LINE })
  await account.write({ content: 'Good' })
  await until(
    'what came after',
    () => told(sink, '/receive'),
    ({ length }) => length === 2,
  )
  assert.deepEqual(statuses('/callback').sort(), ['DELIVERED', 'QUEUED', 'READ'])
})

test('a typing_indicator that an endpoint does not take is not told later', async () => {
  await using sink = await startCustomerServer()
  await using server = await startReadback()
  const account = await customer(server)
  sink.answer = (_, response) => response.writeHead(500).end()
  await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [sink.url], type: 'typing_indicator' })
  await account.must(200, 'POST', '/simulator/typing', { number: CONTACT, to_number: LINE, typing: false })
  const [delivery] = await until(
    'the try to be on record',
    async () => (await account.must(200, 'GET', '/readback/v1/webhook-deliveries')).body.data,
    ([first]) => first?.attempts.length > 0,
  )
  assert.deepEqual([delivery.state, delivery.next_attempt_at], ['failed', null])
})
