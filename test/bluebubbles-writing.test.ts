import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import recorded from './fixtures/bluebubbles/macos15-webhooks.json' with { type: 'json' }
import { ANSWERS, type BlueBubbles, startBlueBubbles } from './support/bluebubbles.ts'
import type { Fault } from './support/carrier.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { connect, type MacLine } from './support/mac-line.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, enter, startReadback } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

const CHAT = `iMessage;-;${CONTACT}`

/** For all tests here that need no other, each of them with a line of its own. */
const server = shareReadback()

async function send({ account, line }: MacLine, message: object = {}): Promise<string> {
  const given = { number: CONTACT, from_number: line, content: 'Hi', ...message }
  return (await account.must(200, 'POST', '/api/send-message', given)).body.message_handle
}

function becomes({ account }: MacLine, handle: string, wanted: readonly string[]): Promise<Record<string, unknown>> {
  return until(
    `${handle} to be ${wanted}`,
    async () => (await account.must(200, 'GET', `/api/status?handle=${handle}`)).body,
    ({ status }) => wanted.includes(status),
  )
}

/** How often the Mac was asked to send a text, once it was that often. */
function asked(mac: BlueBubbles, times: number): Promise<number> {
  return until(
    `the Mac to be asked ${times} times`,
    () => mac.calls.filter((call) => call === 'POST /api/v1/message/text').length,
    (calls) => calls >= times,
  )
}

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

const NOT_SENT: readonly (readonly [string, Fault])[] = [
  ['says that its helper is off', ANSWERS['helper-disconnected']],
  ['says so in other letters', ANSWERS['other-helper-disconnected']],
  ['says that its Private API is off', ANSWERS['private-api-off']],
  ['answers 429', { status: 429, body: { status: 429, message: 'Slow down' } }],
  ['answers 503', { status: 503, body: 'busy' }],
]

// At once: what takes their time is the second until a carrier that failed is tried again.
describe('what a Mac has surely not sent', { concurrency: true }, () => {
  for (const [how, fault] of NOT_SENT) {
    test(`a Mac that ${how} is asked again, and sends the message once`, async () => {
      await using mac = await startBlueBubbles()
      const mine = await connect(server, mac)
      mac.chats.add(CHAT)
      mac.faults.set('text', fault)
      const handle = await send(mine)
      const refused = await asked(mac, 1)
      mac.faults.clear()
      await asked(mac, refused + 1)
      await becomes(mine, handle, ['SENT'])
      assert.equal(mac.sent.length, 1)
    })
  }
})

const PERHAPS: readonly (readonly [string, Fault])[] = [
  ['never answers', 'hang'],
  ['breaks off once it was asked', 'reset'],
  ['breaks off in its answer', 'cut-short'],
  ['answers that it took too long', ANSWERS['timed-out']],
  ['answers 502', { status: 502, body: '<html></html>' }],
  ['answers HTML', { status: 200, body: '<html></html>' }],
]

for (const [how, fault] of PERHAPS) {
  test(`a Mac that ${how} is never asked again: the message ends ERROR, outcome_unknown`, async () => {
    await using mac = await startBlueBubbles()
    // For the one that is known by it alone: on a busy machine others might take as long.
    await using hasty = fault === 'hang' ? await startReadback({ READBACK_CARRIER_TIMEOUT_S: '0.5' }) : undefined
    const mine = await connect(hasty ?? server, mac)
    mac.chats.add(CHAT)
    mac.faults.set('text', fault)
    const { error_reason } = await becomes(mine, await send(mine), ['ERROR'])
    assert.equal(error_reason, 'outcome_unknown')
    mac.faults.clear()
    // The one after it is not held up, and is the first that the Mac sends.
    await becomes(mine, await send(mine, { content: 'Next' }), ['SENT'])
    assert.deepEqual(
      mac.sent.map(({ fields }) => fields.message),
      ['Next'],
    )
  })
}

test('kill -9 in the middle of a call ends its message ERROR, interrupted, and the next one goes', async () => {
  await using folder = await dataFolder()
  await using mac = await startBlueBubbles()
  mac.chats.add(CHAT)
  mac.faults.set('text', 'hang')
  let mine: MacLine
  let handles: string[]
  {
    await using server = await startProcess({ dataDir: folder.path })
    mine = await connect(server, mac)
    handles = [await send(mine, { content: 'first' }), await send(mine, { content: 'second' })]
    assert.equal(await asked(mac, 1), 1)
    await server.end('SIGKILL')
  }
  mac.faults.clear()
  await using server = await startProcess({ dataDir: folder.path })
  mine = { ...mine, account: enter(server.base, mine.account.accountId, mine.account.keys) }
  const [first = '', second = ''] = handles
  assert.equal((await becomes(mine, first, ['ERROR', 'SENT'])).error_reason, 'interrupted')
  await becomes(mine, second, ['SENT'])
  assert.deepEqual(
    mac.sent.map(({ fields }) => fields.message),
    ['second'],
  )
})

test('a message whose file was on its way when the server was stopped is sent by the next start', async () => {
  await using folder = await dataFolder()
  const settings = { READBACK_DATA_DIR: folder.path }
  await using mac = await startBlueBubbles()
  mac.chats.add(CHAT)
  await using sink = await startCustomerServer()
  sink.answer = (_, response) => response.writeHead(200, { 'content-type': 'image/png' }).write('half')
  const first = await startReadback(settings)
  const mine = await connect(first, mac)
  const handle = await send(mine, { content: undefined, media_url: `${sink.url}/cat` })
  await sink.at(0)
  await first.stop()
  assert.equal(mac.sent.length, 0)
  sink.answer = (_, response) => response.writeHead(200, { 'content-type': 'image/png' }).end('whole')
  await using second = await startReadback(settings)
  await becomes({ ...mine, account: enter(second.base, mine.account.accountId, mine.account.keys) }, handle, ['SENT'])
  assert.equal(mac.sent.length, 1)
})

test('a Mac that is not there is waited for: nothing can have reached it', async () => {
  let mine: MacLine
  {
    await using mac = await startBlueBubbles()
    mine = await connect(server, mac)
  }
  const handle = await send(mine)
  const { body } = await until(
    'an obstacle',
    () => mine.account.must(200, 'GET', `/api/status?handle=${handle}`),
    (answer) => answer.body.error_reason !== null,
  )
  assert.deepEqual([body.status, body.error_reason], ['QUEUED', 'unreachable'])
})

test('a message that Messages itself could not send ends ERROR, rejected', async () => {
  await using mac = await startBlueBubbles()
  const mine = await connect(server, mac)
  mac.chats.add(CHAT)
  const data = { ...recorded['own-message'].data, error: 22 }
  const body = { status: 500, message: 'Message Send Error', error: { type: 'iMessage Error', message: 'x' }, data }
  mac.faults.set('text', { status: 500, body })
  assert.equal((await becomes(mine, await send(mine), ['ERROR'])).error_reason, 'rejected')
})
