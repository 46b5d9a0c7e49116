import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import recorded from './fixtures/bluebubbles/macos15-webhooks.json' with { type: 'json' }
import { type BlueBubbles, startBlueBubbles } from './support/bluebubbles.ts'
import { ANSWERS } from './support/bluebubbles-answers.ts'
import type { Fault } from './support/carrier.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { connect, fresh, type MacLine } from './support/mac-line.ts'
import { becomes, CHAT, send } from './support/mac-writing.ts'
import { startProcess } from './support/process.ts'
import { enter, startReadback } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

/** For all tests here that need no other, each of them with a line of its own. */
const server = shareReadback()

/** How often the Mac was asked to send a text, once it was that often. */
function asked(mac: BlueBubbles, times: number): Promise<number> {
  return until(
    `the Mac to be asked ${times} times`,
    () => mac.calls.filter((call) => call === 'POST /api/v1/message/text').length,
    (calls) => calls >= times,
  )
}

const NOT_SENT: readonly (readonly [string, Fault])[] = [
  ['says that its helper is off', ANSWERS['helper-disconnected']],
  ['says so in other letters', ANSWERS['other-helper-disconnected']],
  ['says that its Private API is off', ANSWERS['private-api-off']],
  ['answers 429', { status: 429, body: { status: 429, message: 'Slow down' } }],
  ['stands behind a proxy that answers 401 in HTML', { status: 401, body: '<html></html>' }],
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
  ['stands behind a proxy that answers 403 in HTML', { status: 403, body: '<html></html>' }],
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
  assert.equal(await obstacle(mine, handle), 'unreachable')
  await becomes(mine, handle, ['QUEUED'])
})

test('a Mac that is not there has no file fetched for it', async () => {
  await using sink = await startCustomerServer()
  const event = recorded['direct-imessage']
  let mine: MacLine
  {
    await using mac = await startBlueBubbles()
    mine = await connect(server, mac)
    assert.deepEqual(await mac.deliver(fresh(event)), [200])
  }
  const handle = await send(mine, { number: event.data.handle.address, media_url: `${sink.url}/cat.png` })
  assert.equal(await obstacle(mine, handle), 'unreachable')
  assert.equal(sink.received.length, 0)
})

async function obstacle({ account }: MacLine, handle: string): Promise<string> {
  const { body } = await until(
    'an obstacle',
    () => account.must(200, 'GET', `/api/status?handle=${handle}`),
    (answer) => answer.body.error_reason !== null,
  )
  return body.error_reason
}

for (const content of ['Look', undefined]) {
  const what = content === undefined ? 'a file alone' : 'a text with a file'
  test(`a Mac whose helper is off has ${what} fetched once it is on, and not before`, async () => {
    await using mac = await startBlueBubbles()
    await using sink = await startCustomerServer()
    const mine = await connect(server, mac)
    mac.chats.add(CHAT)
    mac.mac.helperConnected = false
    for (const route of ['attachment', 'multipart'] as const) mac.faults.set(route, ANSWERS['helper-disconnected'])
    const handle = await send(mine, { content, media_url: `${sink.url}/cat.png` })
    assert.equal(await obstacle(mine, handle), 'helper_disconnected')
    assert.equal(sink.received.length, 0)
    mac.faults.clear()
    mac.mac.helperConnected = true
    await becomes(mine, handle, ['SENT'])
    assert.deepEqual([sink.received.length, mac.sent.length], [1, 1])
  })
}

test('a Mac that hangs when a conversation is looked up, and never renamed one, has its messages sent soon', async () => {
  await using patient = await startReadback({ READBACK_CARRIER_TIMEOUT_S: '60' })
  await using mac = await startBlueBubbles()
  const mine = await connect(patient, mac)
  const event = recorded['direct-imessage']
  assert.deepEqual(await mac.deliver(fresh(event)), [200])
  mac.faults.set('chat', 'hang')
  await becomes(mine, await send(mine, { number: event.data.handle.address }), ['SENT'])
  assert.deepEqual(
    mac.sent.map(({ fields }) => fields.chatGuid),
    [event.data.chats[0]?.guid],
  )
})

test('a Mac that does not say how it is has its file sent all the same, and soon', async () => {
  await using patient = await startReadback({ READBACK_CARRIER_TIMEOUT_S: '60' })
  await using mac = await startBlueBubbles()
  await using sink = await startCustomerServer()
  const mine = await connect(patient, mac)
  mac.chats.add(CHAT)
  mac.faults.set('info', 'hang')
  await becomes(mine, await send(mine, { media_url: `${sink.url}/cat.png` }), ['SENT'])
  assert.equal(mac.sent[0]?.file?.name, 'cat.png')
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

test('a message to a conversation that has another id since its Mac was upgraded waits until the Mac can say which', async () => {
  await using mac = await startBlueBubbles()
  const mine = await connect(server, mac)
  const event = recorded['direct-imessage']
  const number = event.data.handle.address
  assert.deepEqual(await mac.deliver(fresh(event)), [200])
  const now = `any;-;${number}`
  mac.chats.add(now)
  mac.faults.set(`chat ${now}`, ANSWERS['timed-out'])
  const handle = await send(mine, { number })
  await until(
    'the Mac to be asked for it',
    () => mac.calls,
    (calls) => calls.includes(`GET /api/v1/chat/${encodeURIComponent(now)}`),
  )
  mac.faults.clear()
  await becomes(mine, handle, ['SENT'])
  assert.deepEqual(
    mac.sent.map(({ fields }) => fields.chatGuid),
    [now],
  )
})
