import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import recorded from './fixtures/bluebubbles/macos15-webhooks.json' with { type: 'json' }
import { startBlueBubbles } from './support/bluebubbles.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { connect } from './support/mac-line.ts'
import { becomes, CHAT, send } from './support/mac-writing.ts'
import { CONTACT, startReadback } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'

/** For all tests here that need no other, each of them with a line of its own. */
const server = shareReadback()

const update = (guid: string, change: object) => ({
  type: 'updated-message',
  data: { ...recorded['own-message'].data, guid, ...change },
})

describe('a BlueBubbles line writes', () => {
  test('a text with an effect, under our handle, and hears that it was delivered and read', async () => {
    await using mac = await startBlueBubbles()
    const mine = await connect(server, mac)
    mac.chats.add(CHAT)
    const handle = await send(mine, { content: 'Surprise', send_style: 'slam' })
    await becomes(mine, handle, ['SENT'])
    assert.deepEqual(mac.sent[0]?.fields, {
      tempGuid: handle,
      method: 'private-api',
      effectId: 'com.apple.MobileSMS.expressivesend.impact',
      chatGuid: CHAT,
      message: 'Surprise',
    })
    const guid = mac.sent[0]?.guid ?? ''
    const dateDelivered = Date.now()
    await mac.deliver(update(guid, { dateDelivered }))
    await becomes(mine, handle, ['DELIVERED'])
    const dateRead = Date.now()
    await mac.deliver(update(guid, { dateDelivered, dateRead }))
    const read = await becomes(mine, handle, ['READ'])
    assert.equal(read.date_read, new Date(dateRead).toISOString())
    // What comes late, or again, or is of somebody else's, changes nothing.
    await mac.deliver(update(guid, { dateDelivered }))
    await mac.deliver(update('another', { dateRead }))
    assert.equal((await becomes(mine, handle, ['READ'])).date_updated, read.date_updated)
  })

  test('what Messages could not send after all, and hears so', async () => {
    await using mac = await startBlueBubbles()
    const mine = await connect(server, mac)
    mac.chats.add(CHAT)
    const handle = await send(mine)
    await becomes(mine, handle, ['SENT'])
    assert.deepEqual(await mac.deliver(update(mac.sent[0]?.guid ?? '', { error: 22 })), [200])
    await becomes(mine, handle, ['ERROR'])
  })

  test('and takes a word that comes before the answer for what it is', async () => {
    await using mac = await startBlueBubbles()
    const mine = await connect(server, mac)
    mac.chats.add(CHAT)
    mac.mac.tellsFirst = true
    await becomes(mine, await send(mine), ['DELIVERED'])
  })

  test('what was read without a word is found where the Mac is asked', async () => {
    await using mac = await startBlueBubbles()
    await using server = await startReadback({ READBACK_CATCH_UP_INTERVAL_S: '0.2' })
    const mine = await connect(server, mac)
    mac.chats.add(CHAT)
    mac.faults.set('query', 'reset')
    const handle = await send(mine)
    await becomes(mine, handle, ['SENT'])
    mac.messages.link(mac.sent[0]?.guid ?? '', { dateRead: Date.now() })
    mac.faults.clear()
    await becomes(mine, handle, ['READ'])
  })

  test('a file, alone or with a text, as one message', async () => {
    await using sink = await startCustomerServer()
    await using mac = await startBlueBubbles()
    const mine = await connect(server, mac)
    mac.chats.add(CHAT)
    sink.answer = (_, response) => response.writeHead(200, { 'content-type': 'image/png' }).end('a picture')
    const media_url = `${sink.url}/cat`
    await becomes(mine, await send(mine, { content: undefined, media_url }), ['SENT'])
    await becomes(mine, await send(mine, { content: 'Look', media_url }), ['SENT'])
    const [alone, both] = mac.sent
    assert.deepEqual(
      [alone?.file?.name, alone?.file?.type, String(alone?.file?.bytes)],
      ['cat.png', 'image/png', 'a picture'],
    )
    assert.deepEqual([alone?.fields.chatGuid, alone?.fields.name], [CHAT, 'cat.png'])
    assert.deepEqual(both?.fields.parts, [
      { partIndex: 0, attachment: 'folder/cat.png', name: 'cat.png' },
      { partIndex: 1, text: 'Look' },
    ])
    assert.equal(String(both?.file?.bytes), 'a picture')
    sink.answer = (_, response) => response.writeHead(404).end('gone')
    const lost = await becomes(mine, await send(mine, { media_url }), ['ERROR'])
    assert.equal(lost.error_reason, 'media_not_fetched')
    assert.equal(mac.sent.length, 2)
  })

  test('to somebody new, which opens the conversation', async () => {
    await using mac = await startBlueBubbles()
    const mine = await connect(server, mac)
    await becomes(mine, await send(mine), ['SENT'])
    const { tempGuid: _handle, ...fields } = mac.sent[0]?.fields ?? {}
    assert.deepEqual(fields, {
      method: 'private-api',
      addresses: [CONTACT],
      message: 'Hi',
      service: 'iMessage',
      chatGuid: CHAT,
    })
  })

  test('that it types, and hears it of contacts', async () => {
    await using sink = await startCustomerServer()
    await using mac = await startBlueBubbles()
    const { account, line } = await connect(server, mac)
    mac.chats.add(CHAT)
    const show = (state: string) =>
      account.must(200, 'POST', '/api/send-typing-indicator', { number: CONTACT, from_number: line, state })
    assert.equal((await show('start')).body.status, 'SENT')
    assert.deepEqual([...mac.typing], [CHAT])
    await show('stop')
    assert.deepEqual([...mac.typing], [])
    const nobody = { number: '+14155550199', from_number: line }
    assert.equal((await account.call('POST', '/api/send-typing-indicator', nobody)).status, 400)
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [sink.url], type: 'typing_indicator' })
    const typing = { type: 'typing-indicator', data: { display: true, guid: CHAT } }
    assert.deepEqual(await mac.deliver(typing), [200])
    const told = JSON.parse((await sink.at(0)).body)
    assert.deepEqual([told.number, told.is_typing], [CONTACT, true])
  })
})
