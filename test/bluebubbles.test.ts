import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import macos15 from './fixtures/bluebubbles/macos15-webhooks.json' with { type: 'json' }
import macos26 from './fixtures/bluebubbles/macos26-webhooks.json' with { type: 'json' }
import { type BlueBubbles, startBlueBubbles } from './support/bluebubbles.ts'
import { connect, fresh, health } from './support/mac-line.ts'
import { CONTACT, type Customer, customer } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'
import { keysOf, signIn } from './support/visitor.ts'

const RECORDED = { 'macOS 15': macos15, 'macOS 26': macos26 } as const

/** For all tests here, each of them with a line of its own. */
const server = shareReadback()

describe('a BlueBubbles line', () => {
  let mac: BlueBubbles
  let account: Customer
  let line: string
  before(async () => {
    mac = await startBlueBubbles()
    ;({ account, line } = await connect(server, mac, { auto: true }))
  })
  after(() => mac[Symbol.asyncDispose]())

  test('is enrolled when it is created, with a webhook for what it can be told, and ONLINE', async () => {
    const { body } = await server.operator.must(200, 'GET', `/operator/lines/${encodeURIComponent(line)}/inbound-url`)
    assert.deepEqual(
      mac.webhooks.map(({ url, events }) => ({ url, events })),
      [{ url: body.inbound_url, events: ['new-message', 'updated-message', 'typing-indicator'] }],
    )
    assert.equal((await health(server, line)).line_status, 'ONLINE')
  })

  test('is called by the Mac all the while when it is enrolled again, and by what it was told the first time', async () => {
    const before = [...mac.webhooks]
    const calls = mac.calls.length
    const settings = { url: mac.url, password: mac.password }
    await server.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(line)}`, { settings })
    assert.deepEqual(mac.webhooks, before)
    const asked = mac.calls.slice(calls).filter((call) => call.includes('/webhook'))
    assert.deepEqual(asked, ['GET /api/v1/webhook'])
  })

  test('has its webhook made anew where that is for other events than it can be told of', async () => {
    const [webhook] = mac.webhooks.splice(0)
    mac.webhooks.push({ id: 0, url: webhook?.url ?? '', events: ['new-message'] })
    const settings = { url: mac.url, password: mac.password }
    await server.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(line)}`, { settings })
    assert.deepEqual(
      mac.webhooks.map(({ url, events }) => ({ url, events })),
      [{ url: webhook?.url, events: webhook?.events }],
    )
  })

  for (const [system, recorded] of Object.entries(RECORDED)) {
    for (const name of ['direct-imessage', 'tapback'] as const) {
      test(`marks a ${name} of ${system} as read on the Mac by itself`, async () => {
        const event = recorded[name]
        const read = mac.nextRead()
        assert.deepEqual(await mac.deliver(fresh(event)), [200])
        assert.equal((await read).id, event.data.chats[0]?.guid)
      })
    }

    for (const name of ['direct-sms', 'direct-rcs', 'group-imessage'] as const) {
      test(`leaves a ${name} of ${system} unmarked`, async () => {
        const { length } = await receipts()
        const reads = mac.reads.length
        assert.deepEqual(await mac.deliver(fresh(recorded[name])), [200])
        // The rule decides in the transaction that stores the message: a receipt would be there by now.
        assert.equal((await receipts()).length, length)
        assert.equal(mac.reads.length, reads)
      })
    }
  }

  test('takes what comes by way of a satellite for the iMessage that it is', async () => {
    const { type, data } = fresh(macos15['direct-imessage'])
    const { handle, chats } = macos15['direct-imessage'].data
    const guid = `iMessageLite;-;${handle.address}`
    const sent = { ...data, handle: { ...handle, service: 'iMessageLite' }, chats: [{ ...chats[0], guid }] }
    const read = mac.nextRead()
    assert.deepEqual(await mac.deliver({ type, data: sent } as never), [200])
    assert.equal((await read).id, guid)
  })

  async function receipts(): Promise<{ settled_at: string | null }[]> {
    return until(
      'all receipts to be settled',
      async () => (await account.must(200, 'GET', '/readback/v1/receipts')).body.data,
      (all: { settled_at: string | null }[]) => all.every(({ settled_at }) => settled_at !== null),
    )
  }

  test('stores a message that comes twice once', async () => {
    const event = fresh(macos15['direct-imessage'])
    await mac.deliver(event)
    const { length } = await receipts()
    assert.deepEqual(await mac.deliver(event), [200])
    assert.equal((await receipts()).length, length)
  })

  test('takes an app’s card, which has neither a text nor a file, as it comes', async () => {
    const { type, data } = fresh(macos15['direct-imessage'])
    const balloonBundleId = 'com.apple.messages.MSMessageExtensionBalloonPlugin:0000000000:com.example.game'
    const read = mac.nextRead()
    assert.deepEqual(await mac.deliver({ type, data: { ...data, text: '\uFFFC', balloonBundleId } } as never), [200])
    await read
  })

  test('keeps what was written and nothing that stands for a file, and tells a reaction from a message', async () => {
    const visitor = await signIn(server.base, keysOf(account))
    const newest = async () => {
      const { data } = (await account.must(200, 'GET', '/api/v2/messages?limit=1')).body
      return (await visitor.must(200, 'GET', `/console/messages/${data[0].message_handle}`)).body.message
    }
    const { type, data } = fresh(macos15['two-attachments'])
    const attachments = macos15['two-attachments'].data.attachments.slice(0, 1)
    await mac.deliver({ type, data: { ...data, attachments, text: '\uFFFC two photos' } } as never)
    const photo = await newest()
    await mac.deliver(fresh(macos15.tapback))
    const { reaction } = await newest()
    assert.deepEqual([photo.content, photo.reaction, reaction], ['two photos', false, true])
  })

  test('refuses half a payload and one of another version with a logged reason, and leaves out what is no message', async () => {
    const { length } = await receipts()
    const { guid: _guid, ...half } = fresh(macos15['direct-imessage']).data as Record<string, unknown>
    for (const data of [half, null, 'text', { isFromMe: false }, { ...half, guid: 7 }]) {
      assert.deepEqual(await mac.deliver({ type: 'new-message', data } as never), [400])
    }
    assert.ok(server.logs.some((entry) => entry.includes('Not a BlueBubbles webhook')))
    for (const name of ['own-message', 'group-system-event'] as const) {
      assert.deepEqual(await mac.deliver(fresh(macos15[name])), [200])
    }
    assert.equal((await receipts()).length, length)
  })

  test('finds the conversation by number where nobody has written, and says so where there is none', async () => {
    mac.chats.add('iMessage;-;+14155550120').add('SMS;-;+14155550121')
    const read = mac.nextRead()
    assert.equal((await account.settled(await account.markRead('+14155550120', line))).state, 'sent')
    assert.equal((await read).id, 'iMessage;-;+14155550120')
    const sms = await account.settled(await account.markRead('+14155550121', line))
    assert.deepEqual([sms.state, sms.reason], ['skipped', 'sms'])
    const none = await account.settled(await account.markRead('+14155550122', line))
    assert.deepEqual([none.state, none.reason], ['skipped', 'no_conversation'])
  })

  test('shows no password and no inbound secret in a log or a listing', async () => {
    const { body } = await server.operator.must(200, 'GET', `/operator/lines/${encodeURIComponent(line)}/inbound-url`)
    const secret = body.inbound_url.split('/').at(-1)
    const listing = JSON.stringify((await server.operator.must(200, 'GET', '/operator/lines')).body)
    for (const word of [mac.password, encodeURIComponent(mac.password), secret, CONTACT, 'hello']) {
      assert.ok(!server.logs.some((entry) => entry.includes(word)), `${word.slice(0, 3)}… is in the log`)
    }
    assert.ok(!listing.includes(mac.password) && !listing.includes(secret))
  })
})

test('a Mac that was upgraded knows a conversation of before by its new id, before its contact writes again', async () => {
  await using mac = await startBlueBubbles()
  const { account, line } = await connect(server, mac)
  assert.deepEqual(await mac.deliver(fresh(macos15['direct-imessage'])), [200])
  const number = macos15['direct-imessage'].data.handle.address
  mac.chats.add(`any;-;${number}`)
  assert.equal((await account.settled(await account.markRead(number, line))).state, 'sent')
  assert.deepEqual(
    mac.reads.filter(({ known }) => known).map(({ id }) => id),
    [`any;-;${number}`],
  )
  await account.must(200, 'POST', '/api/send-typing-indicator', { number, from_number: line })
  assert.deepEqual([...mac.typing], [`any;-;${number}`])
  await account.must(200, 'POST', '/api/send-message', { number, from_number: line, content: 'Hi' })
  const [sent] = await until(
    'the message to be sent',
    () => mac.sent,
    ({ length }) => length > 0,
  )
  assert.equal(sent?.fields.chatGuid, `any;-;${number}`)
})

test('a group of a Mac that was upgraded stays the one conversation that it was', async () => {
  await using mac = await startBlueBubbles()
  const { account } = await connect(server, mac)
  for (const { 'group-imessage': event } of [macos15, macos26]) await mac.deliver(fresh(event))
  const { data } = (await account.must(200, 'GET', '/api/v2/messages')).body
  const { guid } = macos15['group-imessage'].data.chats[0] ?? {}
  assert.deepEqual(
    data.map(({ group_id }: { group_id: string }) => group_id),
    [guid, guid],
  )
})

test('a Mac elsewhere needs READBACK_PUBLIC_URL, and no line leads to a metadata address', async () => {
  const account = await customer(server, { lines: [] })
  const create = (url: string) =>
    server.operator.call('POST', `/operator/accounts/${account.accountId}/lines`, {
      number: ownLine(),
      connector: 'bluebubbles',
      settings: { url, password: 'secret' },
    })
  const elsewhere = await create('http://192.0.2.1:1234')
  assert.equal(elsewhere.status, 400)
  assert.match(elsewhere.body.message, /READBACK_PUBLIC_URL/)
  for (const host of ['169.254.169.254', '2852039166', '0xa9.0xfe.0xa9.0xfe', '[::ffff:169.254.169.254]', '0']) {
    const answer = await create(`http://${host}/`)
    assert.equal(answer.status, 400, host)
    assert.match(answer.body.message, /`url`/, host)
  }
})
