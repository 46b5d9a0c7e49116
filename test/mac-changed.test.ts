import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { type BlueBubbles, eventOf, startBlueBubbles } from './support/bluebubbles.ts'
import { connect, health } from './support/mac-line.ts'
import { becomes, CHAT, send } from './support/mac-writing.ts'
import { CONTACT, startReadback } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'
import { storedOnce } from './support/stored.ts'
import { until } from './support/until.ts'

/** For all tests here that need no other, each of them with a line of its own. */
const server = shareReadback()

const pathOf = (line: string) => `/operator/lines/${encodeURIComponent(line)}`

function moveTo({ url, password }: Pick<BlueBubbles, 'url' | 'password'>, line: string, { operator } = server) {
  return operator.must(200, 'PATCH', pathOf(line), { settings: { url, password } })
}

async function inboundUrl(line: string): Promise<string> {
  return (await server.operator.must(200, 'GET', `${pathOf(line)}/inbound-url`)).body.inbound_url
}

const calls = (mac: BlueBubbles, ...urls: readonly string[]) =>
  until(
    `the Mac to call ${urls.length} lines`,
    () => mac.webhooks.map(({ url }) => url),
    (there) => there.join() === urls.join(),
  )

test('a Mac that a line has left calls it no more, and goes on calling the line that has it now', async () => {
  await using mac = await startBlueBubbles()
  await using other = await startBlueBubbles()
  const { line } = await connect(server, mac)
  const [webhook] = mac.webhooks
  const { line: successor } = await connect(server, mac)
  mac.webhooks.push({ id: 77, url: webhook?.url ?? '', events: webhook?.events ?? [] })
  await moveTo(other, line)
  await calls(mac, await inboundUrl(successor))
  await calls(other, await inboundUrl(line))
})

test('a Mac that is away when its line leaves it brings the line nothing any more once it is back', async () => {
  await using mac = await startBlueBubbles()
  await using other = await startBlueBubbles()
  const { line } = await connect(server, mac)
  const before = await inboundUrl(line)
  mac.faults.set('webhooks', { status: 503, body: {} })
  await moveTo(other, line)
  await until(
    'the line to have another URL',
    () => inboundUrl(line),
    (url) => url !== before,
  )
  await calls(other, await inboundUrl(line))
  assert.deepEqual(await mac.deliver(eventOf(mac.messages.write())), [404])
  assert.deepEqual(await other.deliver(eventOf(other.messages.write())), [200])
  await storedOnce(server, line, 1)
})

test('a Mac that has another address, and none at the old one, keeps the URL that it calls', async () => {
  await using mac = await startBlueBubbles()
  await using gone = await startBlueBubbles()
  const { line } = await connect(server, gone)
  mac.webhooks.push(...gone.webhooks)
  gone.faults.set('webhooks', { status: 503, body: {} })
  const before = await inboundUrl(line)
  const told = () => server.logs.filter((entry) => entry.includes('could not be told to call no more')).length
  const earlier = told()
  await moveTo(mac, line)
  await until('the operator to be told of the old address', told, (times) => times > earlier)
  await moveTo(mac, line)
  assert.equal(await inboundUrl(line), before)
  await calls(mac, before)
})

test('a Mac whose line is removed calls it no more', async () => {
  await using mac = await startBlueBubbles()
  const { line } = await connect(server, mac)
  assert.equal(mac.webhooks.length, 1)
  await server.operator.must(200, 'DELETE', pathOf(line))
  await calls(mac)
})

test('a Mac that has another address goes on calling its line', async () => {
  await using mac = await startBlueBubbles()
  const { line } = await connect(server, mac)
  await moveTo({ ...mac, url: mac.url.replace('127.0.0.1', 'localhost') }, line)
  await until(
    'it to be left at the old address',
    () => mac.calls,
    (made) => made.some((call) => call.startsWith('DELETE /api/v1/webhook/')),
  )
  await calls(mac, await inboundUrl(line))
})

test('a Mac that has lost its webhooks is told again where to call once something came that none of them brought', async () => {
  await using mac = await startBlueBubbles()
  await using prompt = await startReadback({ READBACK_CATCH_UP_INTERVAL_S: '0.1' })
  const { line } = await connect(prompt, mac)
  const [webhook] = mac.webhooks.splice(0)
  mac.messages.write()
  await calls(mac, webhook?.url ?? '')
  await storedOnce(prompt, line, 1)
  await until(
    'the operator to be told',
    () => prompt.logs,
    (logs) => logs.some((entry) => entry.includes('had forgotten where to call')),
  )
  assert.equal((await health(prompt, line)).line_status, 'ONLINE')
})

test('a Mac that gives message after message which no webhook brought is asked for its webhooks once', async () => {
  await using mac = await startBlueBubbles()
  await using prompt = await startReadback({ READBACK_CATCH_UP_INTERVAL_S: '0.1' })
  const { line } = await connect(prompt, mac)
  for (const n of [1, 2, 3]) {
    mac.messages.write()
    await storedOnce(prompt, line, n)
  }
  await prompt.stop()
  assert.equal(mac.calls.filter((call) => call === 'GET /api/v1/webhook').length, 2)
  assert.equal(mac.webhooks.length, 1)
})

test('a Mac that hangs when it is asked for its webhooks has what contacts write fetched all the same', async () => {
  await using patient = await startReadback({ READBACK_CATCH_UP_INTERVAL_S: '0.1', READBACK_CARRIER_TIMEOUT_S: '60' })
  await using mac = await startBlueBubbles()
  const { line } = await connect(patient, mac)
  mac.faults.set('webhooks', 'hang')
  mac.messages.write()
  await until(
    'it to be asked for them',
    () => mac.calls.filter((call) => call === 'GET /api/v1/webhook').length,
    (asked) => asked === 2,
  )
  mac.messages.write()
  await storedOnce(patient, line, 2)
})

test('a Mac whose password was mistyped goes on calling its line', async () => {
  await using mac = await startBlueBubbles()
  const { line } = await connect(server, mac)
  const before = [...mac.webhooks]
  await moveTo({ ...mac, password: 'mistyped' }, line)
  await moveTo(mac, line)
  assert.deepEqual(mac.webhooks, before)
  assert.ok(!mac.calls.some((call) => call.startsWith('DELETE')))
})

test('a line whose connection is mended fetches at once what its Mac has, however long it was to wait', async () => {
  await using mac = await startBlueBubbles()
  await using seldom = await startReadback({ READBACK_CATCH_UP_INTERVAL_S: '3600' })
  // By its last message the Mac is known again.
  mac.messages.write()
  const { line } = await connect(seldom, mac)
  const { guid } = mac.messages.write()
  // One that is not whole yet has the line look.
  mac.faults.set('query', { status: 429, body: {}, headers: { 'retry-after': '3600' } })
  assert.deepEqual(await mac.deliver(eventOf(mac.messages.write({ text: null, attachments: [] }))), [200])
  await until(
    'the Mac to ask for patience',
    () => seldom.logs,
    (logs) => logs.some((entry) => entry.includes('nothing was fetched')),
  )
  mac.faults.clear()
  await moveTo({ ...mac, url: mac.url.replace('127.0.0.1', 'localhost') }, line, seldom)
  assert.equal((await storedOnce(seldom, line, 1))[0]?.carrier_message_id, guid)
})

test('a line whose connection is mended sends at once what waits, however long it was to wait', async () => {
  await using mac = await startBlueBubbles()
  const mine = await connect(server, mac)
  const { account, line } = mine
  mac.chats.add(CHAT)
  await moveTo(mac, line)
  for (const route of ['read', 'text'] as const)
    mac.faults.set(route, { status: 429, body: {}, headers: { 'retry-after': '3600' } })
  const [receipt, handle] = [await account.markRead(CONTACT, line), await send(mine)]
  await until(
    'both to wait',
    async () => [
      (await account.receipt(receipt)).reason,
      (await account.must(200, 'GET', `/api/status?handle=${handle}`)).body.error_reason,
    ],
    (reasons) => reasons.every((reason) => reason === 'rate_limited'),
  )
  mac.faults.clear()
  await moveTo({ ...mac, url: mac.url.replace('127.0.0.1', 'localhost') }, line)
  assert.equal((await account.settled(receipt)).state, 'sent')
  await becomes(mine, handle, ['SENT'])
  assert.deepEqual([mac.reads.length, mac.sent.length], [1, 1])
})

test('a line whose connection is mended while the store cannot be written sends what waits once it can', async () => {
  await using mac = await startBlueBubbles()
  await using own = await startReadback()
  const { account, line } = await connect(own, mac)
  mac.chats.add(CHAT)
  await moveTo(mac, line, own)
  mac.faults.set('read', { status: 429, body: {}, headers: { 'retry-after': '3600' } })
  const receipt = await account.markRead(CONTACT, line)
  await until(
    'it to wait',
    () => account.receipt(receipt),
    ({ reason }) => reason === 'rate_limited',
  )
  mac.faults.clear()
  using store = new DatabaseSync(join(own.dataDir, 'readback.db'), { timeout: 5_000 })
  store.exec(`create trigger defect before update on receipts when new.next_attempt_at < old.next_attempt_at
    begin select raise(abort, 'a defect'); end`)
  await moveTo({ ...mac, url: mac.url.replace('127.0.0.1', 'localhost') }, line, own)
  await until(
    'the store to fail',
    () => own.logs,
    (logs) => logs.some((entry) => entry.includes('could not begin anew')),
  )
  store.exec('drop trigger defect')
  assert.equal((await account.settled(receipt)).state, 'sent')
  assert.equal(mac.reads.length, 1)
})

test('a Mac that is gone delays nobody who gives its line another one', async () => {
  await using patient = await startReadback({ READBACK_CARRIER_TIMEOUT_S: '60' })
  await using mac = await startBlueBubbles()
  await using other = await startBlueBubbles()
  const { line } = await connect(patient, mac)
  mac.faults.set('webhooks', 'hang')
  const asked = mac.nextCall()
  const askedAt = performance.now()
  await moveTo(other, line, patient)
  assert.ok(performance.now() - askedAt < 30_000, 'the old Mac was waited for')
  assert.equal((await health(patient, line)).line_status, 'ONLINE')
  assert.equal(other.webhooks.length, 1)
  assert.equal(await asked, 'GET /api/v1/webhook')
})
