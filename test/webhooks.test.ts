import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { type Received, startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, customer, enter } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'
import { addWebhooks, deliveries } from './support/webhooks.ts'

const server = shareReadback()

const verified = (secret: string, { body, headers }: Received) =>
  new Webhook(secret.startsWith('whsec_') ? secret : Buffer.from(secret).toString('base64')).verify(
    body,
    headers as Record<string, string>,
  )

describe('a receive webhook', () => {
  test('has the 25 fields of the original, one webhook for each part', async () => {
    await using sink = await startCustomerServer()
    const line = ownLine()
    const account = await customer(server, { lines: [line] })
    await addWebhooks(account, [sink.url])
    const [first, second] = await account.write({
      media_urls: ['https://example.com/1.png', 'https://example.com/2.png'],
    })
    const bodies = [await sink.at(0), await sink.at(1)].map(({ body }) => JSON.parse(body))
    bodies.sort((a, b) => (a.message_handle < b.message_handle ? -1 : 1))
    const { date_sent, date_updated, ...message } = bodies[0]
    assert.ok(Date.parse(date_sent) <= Date.parse(date_updated))
    assert.deepEqual(message, {
      accountEmail: 'customer@example.com',
      content: 'Hello',
      is_outbound: false,
      status: 'RECEIVED',
      error_code: null,
      error_message: null,
      error_reason: null,
      error_detail: null,
      message_handle: first,
      from_number: CONTACT,
      number: CONTACT,
      to_number: line,
      sendblue_number: line,
      was_downgraded: null,
      plan: 'free_api',
      media_url: 'https://example.com/1.png',
      message_type: 'message',
      group_id: '',
      group_display_name: null,
      participants: [],
      send_style: '',
      opted_out: false,
      service: 'iMessage',
    })
    assert.deepEqual(
      [bodies[1].message_handle, bodies[1].content, bodies[1].media_url],
      [second, '', 'https://example.com/2.png'],
    )
    assert.equal(Object.keys(bodies[0]).length, 25)
  })

  test('is signed in three ways, which stock verifiers take and a tampered, an old or a foreign one fails', async () => {
    await using sink = await startCustomerServer()
    const account = await customer(server, { lines: [ownLine()] })
    const { globalSecret } = (await addWebhooks(account, [sink.url])).body.webhooks
    await account.write()
    const came = await sink.at(0)
    assert.match(globalSecret, /^whsec_/)
    assert.deepEqual(verified(globalSecret, came), JSON.parse(came.body))
    assert.throws(() => verified(globalSecret, { ...came, body: `${came.body} ` }))
    assert.throws(() => verified(`whsec_${Buffer.from('another').toString('base64')}`, came))
    const old = { ...came.headers, 'webhook-timestamp': String(Number(came.headers['webhook-timestamp']) - 3_600) }
    assert.throws(() => verified(globalSecret, { ...came, headers: old }))
    assert.equal(came.headers['sb-signing-secret'], globalSecret)
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(came.headers['x-sendblue-signature'])) ?? []
    assert.equal(v1, createHmac('sha256', globalSecret).update(`${t}.${came.body}`).digest('hex'))
    assert.match(String(came.headers['webhook-id']), /^dlv_/)
  })

  test('is signed by both secrets for a day after one replaced the other, however often that is given', async () => {
    await using sink = await startCustomerServer()
    const account = await customer(server, { lines: [ownLine()] })
    await addWebhooks(account, [sink.url, { url: `${sink.url}/own`, secret: 'own-secret-one' }], {
      globalSecret: 'first-secret',
    })
    // Who gives the same again does not end that day.
    for (const _ of [1, 2]) {
      await addWebhooks(account, [{ url: `${sink.url}/own`, secret: 'own-secret-two' }], {
        globalSecret: 'second-secret',
      })
    }
    await account.write()
    for (const came of [await sink.at(0), await sink.at(1)]) {
      const secrets = came.path === '/own' ? ['own-secret-two', 'own-secret-one'] : ['second-secret', 'first-secret']
      for (const secret of secrets) verified(secret, came)
      assert.equal(came.headers['sb-signing-secret'], secrets[0])
      assert.match(String(came.headers['x-sendblue-signature']), /^t=\d+(,v1=[0-9a-f]{64}){2}$/)
    }
  })

  test('comes for the lines that an endpoint names alone, and for groups with their names', async () => {
    await using sink = await startCustomerServer()
    const otherLine = ownLine()
    const account = await customer(server, { lines: [ownLine(), otherLine] })
    await addWebhooks(account, [{ url: sink.url, sendblue_numbers: [otherLine] }])
    await account.write()
    await account.write({ to_number: otherLine, group_id: 'friends' })
    const group = JSON.parse((await sink.at(0)).body)
    assert.deepEqual(
      [group.to_number, group.message_type, group.group_id, group.participants],
      [otherLine, 'group', 'friends', [CONTACT, otherLine]],
    )
    assert.equal((await deliveries(account)).length, 1)
  })

  test('comes once, though the carrier brings the message twice', async () => {
    await using sink = await startCustomerServer()
    const account = await customer(server, { lines: [ownLine()] })
    await addWebhooks(account, [sink.url])
    for (const _ of [1, 2]) await account.write({ message_id: 'the same' })
    await account.write({ message_id: 'another' })
    await Promise.all([sink.at(0), sink.at(1)])
    assert.equal((await deliveries(account)).length, 2)
  })
})

test('a read_receipt webhook tells how a receipt ended, with reason and trigger', async () => {
  await using sink = await startCustomerServer()
  const line = ownLine()
  const account = await customer(server, { auto: true, lines: [line] })
  await addWebhooks(account, [sink.url], { type: 'read_receipt' })
  await account.write()
  const sent = JSON.parse((await sink.at(0)).body)
  assert.deepEqual([sent.number, sent.state, sent.reason, sent.trigger], [CONTACT, 'sent', null, 'auto'])
  await account.write({ service: 'SMS', number: '+14155550123' })
  await account.markRead('+14155550123')
  const skipped = JSON.parse((await sink.at(1)).body)
  assert.deepEqual([skipped.state, skipped.reason, skipped.trigger], ['skipped', 'sms', 'api'])
  await account.carrier({ pace_per_s: 0.001 })
  await account.markRead()
  await sink.at(2)
  const waiting = await account.markRead()
  await server.operator.must(200, 'DELETE', `/operator/lines/${encodeURIComponent(line)}`)
  const removed = JSON.parse((await sink.at(3)).body)
  assert.deepEqual([removed.receipt_id, removed.state, removed.reason], [waiting, 'skipped', 'line_removed'])
})

test('the log of webhooks is read by pages that meet, newest first, and the last of them says so', async () => {
  await using sink = await startCustomerServer()
  const account = await customer(server, { lines: [ownLine()] })
  await addWebhooks(account, [sink.url])
  for (let message = 0; message < 3; message++) await account.write()
  const page = async (query: string) => {
    const { body } = await account.must(200, 'GET', `/readback/v1/webhook-deliveries?${query}`)
    return { ids: body.data.map((each: { delivery_id: string }) => each.delivery_id), next: body.next_cursor }
  }
  const all = await page('limit=3')
  assert.deepEqual([all.ids.length, all.next], [3, null])
  const first = await page('limit=2')
  assert.deepEqual([first.ids, first.next], [all.ids.slice(0, 2), all.ids[1]])
  assert.deepEqual(await page(`limit=2&cursor=${first.next}`), { ids: all.ids.slice(2), next: null })
})

test('a webhook survives kill -9 between the commit and its delivery, with the id that it had', async () => {
  await using sink = await startCustomerServer()
  await using folder = await dataFolder()
  await using first = await startProcess({ dataDir: folder.path })
  const account = await customer(first)
  await addWebhooks(account, [sink.url])
  // Taken and not answered: the worst moment.
  sink.answer = () => {}
  await Promise.all(Array.from({ length: 50 }, () => account.write()))
  await sink.at(10)
  await first.end('SIGKILL')
  const before = new Set(sink.received.map(({ headers }) => headers['webhook-id']))
  sink.answer = (_, response) => response.end()
  const seen = sink.received.length
  await using second = await startProcess({ dataDir: folder.path })
  const again = enter(second.base, account.accountId, account.keys)
  await until(
    'all to be delivered',
    () => deliveries(again, '?state=delivered&limit=200'),
    ({ length }) => length === 50,
  )
  const after = new Set(sink.received.slice(seen).map(({ headers }) => headers['webhook-id']))
  assert.equal(after.size, 50)
  for (const id of before) assert.ok(after.has(id))
})

test('no secret and no message text of a webhook reaches the log', async () => {
  await using sink = await startCustomerServer()
  const account = await customer(server, { lines: [ownLine()] })
  await addWebhooks(account, [{ url: sink.url, secret: 'secret-of-an-endpoint' }], {
    globalSecret: 'secret-of-the-account',
  })
  sink.answer = (_, response) => response.writeHead(500).end('secret-of-an-endpoint')
  await account.write({ content: 'words of a contact' })
  await until(
    'the try to be written down',
    () => deliveries(account),
    ([delivery]) => delivery?.attempts.length === 1,
  )
  const said = server.logs.join('\n')
  for (const secret of ['secret-of-an-endpoint', 'secret-of-the-account', 'words of a contact', CONTACT]) {
    assert.ok(!said.includes(secret))
  }
})
