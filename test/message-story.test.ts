import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeOnBoth } from './support/both-engines.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { CONTACT, type Customer, customer } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'
import { keysOf, signIn } from './support/visitor.ts'
import { addWebhooks, deliveries } from './support/webhooks.ts'

/** More than a story shows. */
const LATER = 21
const MOST_WEBHOOKS = 100

describeOnBoth((desk) => {
  test('a story has the newest webhooks of many, newest first', async () => {
    const { server, account } = desk
    await using sink = await startCustomerServer()
    await addWebhooks(account, [sink.url], { type: 'receive' })
    const [handle] = await account.write()
    const visitor = await signIn(server.base, keysOf(account))
    const { webhook_id } = (await visitor.must(200, 'GET', '/console/readback/v1/webhooks')).body.data[0]
    for (let n = 0; n < MOST_WEBHOOKS; n++) await visitor.must(200, 'POST', `/console/webhooks/${webhook_id}/test`)
    const listed = await deliveries(account, `?limit=${MOST_WEBHOOKS}`)
    const { webhooks } = (await visitor.must(200, 'GET', `/console/messages/${handle}`)).body
    const idsOf = (those: readonly { delivery_id: string }[]) => those.map(({ delivery_id }) => delivery_id)
    assert.deepEqual(idsOf(webhooks), idsOf(listed))
  })
})

describe('the story of a message', () => {
  const server = shareReadback()

  const storyBy = async (account: Customer) => {
    const visitor = await signIn(server.base, keysOf(account))
    return async (handle = '') => (await visitor.must(200, 'GET', `/console/messages/${handle}`)).body
  }
  const idsOf = (receipts: readonly { receipt_id: string }[]) => receipts.map(({ receipt_id }) => receipt_id)
  const delivered = (account: Customer, count: number) =>
    until(
      'all webhooks to be delivered',
      () => deliveries(account, '?state=delivered'),
      ({ length }) => length === count,
    )

  test('has each receipt that covers it up to the one that took it, however many came later', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    const read = async () => {
      const id = await account.markRead()
      await account.settled(id)
      return id
    }
    const [first] = await account.write()
    const asked = [await read(), await read()]
    const [passedOver] = await account.write({ content: 'Not read by itself' })
    const [newest] = await account.write()
    const together = await read()
    for (let count = 0; count < LATER; count++) {
      await account.write()
      await read()
    }
    const story = await storyBy(account)
    assert.deepEqual(idsOf((await story(first)).receipts), asked)
    for (const handle of [passedOver, newest]) assert.deepEqual(idsOf((await story(handle)).receipts), [together])
  })

  test('has the first receipts of many, and says that there are more', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    const [handle] = await account.write()
    const story = await storyBy(account)
    for (const [count, more] of [
      [LATER - 1, false],
      [1, true],
    ] as const) {
      for (let n = 0; n < count; n++) await account.settled(await account.markRead())
      const { receipts, more_receipts } = await story(handle)
      assert.deepEqual([receipts.length, more_receipts], [LATER - 1, more])
    }
  })

  test('has the receipt that went for it, and not the one that ended for the SMS after it', async () => {
    const line = ownLine()
    const account = await customer(server, { lines: [line] })
    const read = async () => {
      const id = await account.markRead(CONTACT, line)
      await account.settled(id)
      return id
    }
    const [marked] = await account.write({ to_number: line })
    const [sms] = await account.write({ to_number: line, service: 'SMS' })
    const [sent, skipped] = [await read(), await read()]
    const [later] = await account.write({ to_number: line })
    const last = await read()
    const story = await storyBy(account)
    assert.deepEqual(idsOf((await story(marked)).receipts), [sent])
    assert.deepEqual(idsOf((await story(sms)).receipts), [skipped])
    assert.deepEqual(idsOf((await story(later)).receipts), [last])
  })

  test('has the receipt that did not go out for it, also since its contact wrote an SMS', async () => {
    const line = ownLine()
    const account = await customer(server, { lines: [line] })
    const path = `/operator/lines/${encodeURIComponent(line)}`
    await server.operator.must(200, 'PATCH', path, { paused: true })
    const [unread] = await account.write({ to_number: line })
    const asked = await account.markRead(CONTACT, line)
    await account.write({ to_number: line, service: 'SMS' })
    await server.operator.must(200, 'DELETE', path)
    await account.settled(asked)
    assert.deepEqual(idsOf((await (await storyBy(account))(unread)).receipts), [asked])
  })

  test('has no receipt where the line wrote it, though what its contact answered was read', async () => {
    const line = ownLine()
    const account = await customer(server, { lines: [line] })
    const message = { number: CONTACT, from_number: line, content: 'Hi' }
    const { message_handle } = (await account.must(200, 'POST', '/api/send-message', message)).body
    const [answer] = await account.write()
    const read = await account.markRead()
    await account.settled(read)
    const story = await storyBy(account)
    assert.deepEqual(idsOf((await story(answer)).receipts), [read])
    assert.deepEqual(idsOf((await story(message_handle)).receipts), [])
  })

  test('has each webhook that told of it, or of its receipt, and of no other, newest first', async () => {
    await using sink = await startCustomerServer()
    const account = await customer(server, { lines: [ownLine()] })
    for (const type of ['receive', 'read_receipt']) await addWebhooks(account, [sink.url], { type })
    const [handle] = await account.write()
    await account.settled(await account.markRead())
    await account.write({ content: 'Another' })
    await account.settled(await account.markRead())
    await delivered(account, 4)
    const { webhooks } = await (await storyBy(account))(handle)
    assert.deepEqual(
      webhooks.map(({ type, body }: { type: string; body: Record<string, unknown> }) => [type, body.content]),
      [
        ['read_receipt', undefined],
        ['receive', 'Hello'],
      ],
    )
  })

  test('has what was told of a line’s own, from its acceptance on, and nothing that the rule would say', async () => {
    await using sink = await startCustomerServer()
    const line = ownLine()
    const account = await customer(server, { lines: [line] })
    await addWebhooks(account, [sink.url], { type: 'outbound' })
    const message = { number: CONTACT, from_number: line, content: 'Hi' }
    const { message_handle } = (await account.must(200, 'POST', '/api/send-message', message)).body
    await delivered(account, 2)
    const { webhooks, message: shown } = await (await storyBy(account))(message_handle)
    assert.deepEqual(
      webhooks.map(({ body }: { body: { status: string } }) => body.status),
      ['DELIVERED', 'QUEUED'],
    )
    assert.deepEqual([shown.is_outbound, shown.auto_mark_read], [true, null])
  })
})
