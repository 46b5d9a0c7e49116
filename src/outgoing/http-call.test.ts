import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { test } from 'node:test'
import { serve } from '../../test/support/answering.ts'
import { type AddressPolicy, CARRIER } from './address-guard.ts'
import { createHttpCaller } from './http-call.ts'

const LARGEST = { bytes: 1_000, beyond: 'refuse' } as const
const CUSTOMER: AddressPolicy = { of: 'customer', allow: [] }

test('more of an answer than is wanted makes it none, or is cut off', async () => {
  await using server = await serve((_, response) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(5_000)));
    }
    response.on('drain', more)
    more()
  })
  const url = `http://127.0.0.1:${server.port}/`
  const strict = createHttpCaller({ timeoutMs: 5_000, policy: CARRIER, largestAnswer: LARGEST })
  assert.equal((await strict.call({ method: 'GET', url })).kind, 'unavailable')
  const cut = { bytes: 1_000, beyond: 'cut' } as const
  const lax = createHttpCaller({ timeoutMs: 5_000, policy: CARRIER, largestAnswer: cut })
  const answer = await lax.call({ method: 'GET', url })
  assert.equal(answer.kind === 'answer' && answer.text.length, 1_000)
  await Promise.all([strict.close(), lax.close()])
})

test('an answer that does not end is one as far as it came, where the beginning is enough, and else none', async () => {
  await using server = await serve((_, response) => void response.writeHead(410).write('gone'))
  const url = `http://127.0.0.1:${server.port}/`
  for (const beyond of ['cut', 'refuse'] as const) {
    const caller = createHttpCaller({ timeoutMs: 300, policy: CARRIER, largestAnswer: { bytes: 1_000, beyond } })
    const outcome = await caller.call({ method: 'GET', url })
    if (outcome.kind === 'answer') assert.deepEqual([beyond, outcome.status, outcome.text], ['cut', 410, 'gone'])
    else assert.deepEqual([beyond, outcome.reason], ['refuse', 'timeout'])
    await caller.close()
  }
})

test('a redirect is an answer, and not followed', async () => {
  await using server = await serve((_, response) => response.writeHead(302, { location: '/elsewhere' }).end())
  const caller = createHttpCaller({ timeoutMs: 1_000, policy: CARRIER, largestAnswer: LARGEST })
  const outcome = await caller.call({ method: 'GET', url: `http://127.0.0.1:${server.port}/` })
  assert.equal(outcome.kind === 'answer' && outcome.status, 302)
  assert.deepEqual(server.calls, ['/'])
  await caller.close()
})

test('retry-after is read as seconds, and as a date by the carrier’s own clock, an hour off or not', async () => {
  const date = 'Tue, 03 Mar 2026 10:00:00 GMT'
  const rows: [string, number | undefined][] = [
    ['7', 7_000],
    ['Tue, 03 Mar 2026 10:00:30 GMT', 30_000],
    ['Tue, 03 Mar 2026 09:00:00 GMT', 0],
    ['soon', undefined],
    ['-1', undefined],
    ['9'.repeat(400), undefined],
  ]
  for (const [given, expected] of rows) {
    await using server = await serve((_, response) => response.writeHead(429, { 'retry-after': given, date }).end())
    const caller = createHttpCaller({ timeoutMs: 1_000, policy: CARRIER, largestAnswer: LARGEST })
    const outcome = await caller.call({ method: 'GET', url: `http://127.0.0.1:${server.port}/` })
    assert.equal(outcome.kind === 'answer' && outcome.retryAfterMs, expected, given)
    assert.equal(outcome.kind === 'answer' && outcome.date, Date.parse(date))
    await caller.close()
  }
})

test('a download is as guarded as a call, whole or none, and says what it found', async () => {
  await using server = await serve((request, response) => {
    if (request.url === '/large') return void response.end(Buffer.alloc(LARGEST.bytes + 1))
    response.writeHead(request.url === '/none' ? 404 : 200, { 'content-type': 'image/png' }).end(Buffer.from([0xff, 0]))
  })
  const url = (path: string) => `http://127.0.0.1:${server.port}${path}`
  const caller = createHttpCaller({ timeoutMs: 2_000, policy: CARRIER, largestAnswer: LARGEST })
  const found = { kind: 'file', type: 'image/png', bytes: Buffer.from([0xff, 0]) }
  assert.deepEqual(await caller.download(url('/')), { ...found, status: 200 })
  assert.deepEqual(await caller.download(url('/none')), { ...found, status: 404 })
  assert.equal((await caller.download(url('/large'))).kind, 'unavailable')
  await caller.close()
  const { length } = server.calls
  const guarded = createHttpCaller({ timeoutMs: 2_000, policy: CUSTOMER, largestAnswer: LARGEST })
  for (const host of [`127.0.0.1:${server.port}`, `localhost:${server.port}`]) {
    const refused = await guarded.download(`http://${host}/`)
    assert.deepEqual(refused.kind === 'unavailable' && [refused.detail, refused.mayHaveArrived], [
      'GUARDED_ADDRESS',
      false,
    ])
  }
  await guarded.close()
  assert.equal(server.calls.length, length)
})

test('a call that found nobody cannot have arrived; one that was broken off may have', async () => {
  const caller = createHttpCaller({ timeoutMs: 2_000, policy: CARRIER, largestAnswer: LARGEST })
  let port: number
  {
    await using server = await serve((request) => request.socket.destroy())
    port = server.port
    const broken = await caller.call({ method: 'POST', url: `http://127.0.0.1:${port}`, body: {} })
    assert.equal(broken.kind === 'unavailable' && broken.mayHaveArrived, true)
  }
  const refused = await caller.call({ method: 'POST', url: `http://127.0.0.1:${port}`, body: {} })
  assert.equal(refused.kind === 'unavailable' && refused.mayHaveArrived, false)
  await caller.close()
})

test('an answer that is just as large as is read is one', async () => {
  await using server = await serve((_, response) => response.end('x'.repeat(LARGEST.bytes)))
  const caller = createHttpCaller({ timeoutMs: 2_000, policy: CARRIER, largestAnswer: LARGEST })
  const answer = await caller.call({ method: 'GET', url: `http://127.0.0.1:${server.port}/` })
  assert.equal(answer.kind === 'answer' && answer.text.length, LARGEST.bytes)
  await caller.close()
})

test('retry-after is read as a date by the own clock where the carrier says nothing of its own', async () => {
  await using server = await serve((_, response) => {
    response.sendDate = false
    response.writeHead(429, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }).end()
  })
  const caller = createHttpCaller({ timeoutMs: 2_000, policy: CARRIER, largestAnswer: LARGEST })
  const answer = await caller.call({ method: 'GET', url: `http://127.0.0.1:${server.port}/` })
  const { retryAfterMs = 0, date } = answer.kind === 'answer' ? answer : {}
  assert.equal(date, undefined)
  assert.ok(retryAfterMs > 30_000 && retryAfterMs <= 60_000, `${retryAfterMs}`)
  await caller.close()
})

test('a name that is not looked up in time is a timeout', async () => {
  const late = Object.assign(new Error('late'), { code: 'ETIMEDOUT' })
  const lookup: LookupFunction = (_name, _options, callback) => callback(late, '', 0)
  const caller = createHttpCaller({ timeoutMs: 2_000, policy: CARRIER, largestAnswer: LARGEST, lookup })
  const outcome = await caller.call({ method: 'GET', url: 'http://late.example' })
  assert.equal(outcome.kind === 'unavailable' && outcome.reason, 'timeout')
  await caller.close()
})

test('a timeout may be a fraction of a millisecond, and who was abandoned may be closed', async () => {
  await using server = await serve(() => {})
  const caller = createHttpCaller({ timeoutMs: 0.5, policy: CARRIER, largestAnswer: LARGEST })
  const outcome = await caller.call({ method: 'GET', url: `http://127.0.0.1:${server.port}/` })
  assert.equal(outcome.kind === 'unavailable' && outcome.reason, 'timeout')
  await caller.abandon()
  await caller.close()
})
