import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import { test } from 'node:test'
import { createCarrierCaller, excerpt, isOnThisMachine, parseCarrierUrl } from './carrier-call.ts'

async function serve(
  answer: RequestListener,
): Promise<AsyncDisposable & { readonly port: number; readonly calls: string[] }> {
  const calls: string[] = []
  const server = createServer((request, response) => {
    calls.push(request.url ?? '')
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const FORBIDDEN = [
  'http://169.254.169.254',
  'http://169.254.1.1/',
  'http://2852039166',
  'http://0xa9fea9fe',
  'http://0251.0376.0251.0376',
  'http://169.254.43518',
  'http://[::ffff:169.254.169.254]',
  'http://[::ffff:a9fe:a9fe]',
  'http://[64:ff9b::169.254.169.254]',
  'http://[2002:a9fe:a9fe::1]',
  'http://[fe80::1]',
  'http://[fd00:ec2::254]',
  'http://[fd20:ce::254]',
  'http://metadata.google.internal',
  'http://METADATA.google.internal.',
  'http://100.100.100.200',
  'http://168.63.129.16',
  'http://192.0.0.192',
  'http://0.0.0.0',
  'http://0',
  'http://[::]',
  'http://224.0.0.1',
  'http://255.255.255.255',
  'http://①⑥⑨.②⑤④.①⑥⑨.②⑤④',
]
for (const url of FORBIDDEN) {
  test(`${url} is no carrier's, as a setting and as a call`, async () => {
    assert.throws(() => parseCarrierUrl('url', url), /`url` must not lead to/)
    const caller = createCarrierCaller({ timeoutMs: 1_000 })
    const outcome = await caller.call({ method: 'GET', url })
    assert.deepEqual(outcome, { kind: 'unavailable', reason: 'unreachable', detail: 'GUARDED_ADDRESS' })
    await caller.close()
  })
}

test('a name that resolves to such an address is not called, also when another of its addresses would do', async () => {
  await using server = await serve((_, response) => response.end('{}'))
  for (const addresses of [['169.254.169.254'], ['127.0.0.1', '169.254.169.254']]) {
    const lookup: LookupFunction = (_name, _options, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      )
    const caller = createCarrierCaller({ timeoutMs: 1_000, lookup })
    const outcome = await caller.call({ method: 'GET', url: `http://mac.example:${server.port}/` })
    assert.deepEqual(outcome, { kind: 'unavailable', reason: 'unreachable', detail: 'GUARDED_ADDRESS' })
    await caller.close()
  }
  assert.deepEqual(server.calls, [])
})

test('a Mac at home is a carrier: private and loopback addresses', () => {
  for (const url of [
    'http://192.168.1.20:1234',
    'http://10.0.0.5',
    'http://127.0.0.1:1',
    'https://mac.example/base/',
  ]) {
    assert.equal(parseCarrierUrl('url', url), url.replace(/\/$/, ''))
  }
  for (const url of [
    'http://localhost',
    'http://127.9.9.9',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://a.localhost.',
  ]) {
    assert.ok(isOnThisMachine(url), url)
  }
  for (const url of ['http://192.168.1.20', 'http://localhost.example', 'http://[::ffff:10.0.0.1]']) {
    assert.ok(!isOnThisMachine(url), url)
  }
})

for (const url of ['ftp://a', 'file:///etc/passwd', 'a', '', 1, null, 'http://u:p@a', 'http://a?b', 'http://a#b']) {
  test(`${JSON.stringify(url)} is refused as a carrier's URL`, () => {
    assert.throws(() => parseCarrierUrl('url', url), /`url`/)
  })
}

test('a redirect is an answer, and not followed', async () => {
  await using server = await serve((_, response) => response.writeHead(302, { location: '/elsewhere' }).end())
  const caller = createCarrierCaller({ timeoutMs: 1_000 })
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
  ]
  for (const [given, expected] of rows) {
    await using server = await serve((_, response) => response.writeHead(429, { 'retry-after': given, date }).end())
    const caller = createCarrierCaller({ timeoutMs: 1_000 })
    const outcome = await caller.call({ method: 'GET', url: `http://127.0.0.1:${server.port}/` })
    assert.equal(outcome.kind === 'answer' && outcome.retryAfterMs, expected, given)
    assert.equal(outcome.kind === 'answer' && outcome.date, Date.parse(date))
    await caller.close()
  }
})

test('what a carrier said is told short, on one line and without the secrets it may echo', () => {
  assert.equal(excerpt('wrong p@ss word\n\tgiven: p%40ss%20word', ['p@ss word']), 'wrong … given: …')
  assert.equal(excerpt('x'.repeat(1_000), []).length, 200)
})
