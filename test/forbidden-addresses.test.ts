import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type LookupFunction, type Server } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type AddressPolicy, parseAddressRanges } from '../src/outgoing/address-guard.ts'
import { createHttpCaller } from '../src/outgoing/http-call.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { type Customer, customer, type Readback, startReadback } from './support/readback.ts'

/** This machine, as only whoever is up to something writes it. Where there is a port it stands behind `:PORT`. */
const THIS_MACHINE = [
  'http://127.0.0.1:PORT',
  'HTTP://127.0.0.1:PORT/',
  'http:127.0.0.1:PORT',
  'http:\\\\127.0.0.1:PORT',
  'http:///127.0.0.1:PORT',
  ' http://127.0.0.1:PORT ',
  'http://127.0.\t0.1:PORT',
  'http://127.0.0.1.:PORT',
  'http://127.0.1:PORT',
  'http://127.1:PORT',
  'http://127.000.000.001:PORT',
  'http://0177.0.0.1:PORT',
  'http://0x7f.0.0.1:PORT',
  'http://0X7F.0X0.0X0.0X1:PORT',
  'http://0x7f.0177.0.1:PORT',
  'http://2130706433:PORT',
  'http://017700000001:PORT',
  'http://0x7F000001:PORT',
  'http://%31%32%37.0.0.1:PORT',
  'http://127%2e0%2E0.1:PORT',
  'http://１２７.０.０.１:PORT',
  'http://①②⑦.0.0.①:PORT',
  'http://127。0．0｡1:PORT',
  'http://127.0.0\u00AD.1:PORT',
  'http://127.0.0\u200B.1:PORT',
  'http://0:PORT',
  'http://0.0.0.0:PORT',
  'http://[::]:PORT',
  'http://[::1]:PORT',
  'http://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT',
  'http://[::0:1]:PORT',
  'http://[::127.0.0.1]:PORT',
  'http://[::FFFF:127.0.0.1]:PORT',
  'http://[::ffff:7f00:1]:PORT',
  'http://[0:0:0:0:0:ffff:7f00:0001]:PORT',
  'http://[::ffff:0:127.0.0.1]:PORT',
  'http://[64:ff9b::127.0.0.1]:PORT',
  'http://[64:ff9b:1::7f00:1]:PORT',
  'http://[2002:7f00:1::]:PORT',
]

/** Places inside a network, and places that are nobody's. */
const ELSEWHERE = [
  'http://10.1.2.3',
  'http://012.1.2.3',
  'http://167838211',
  'http://172.16.0.1',
  'http://172.31.255.254.',
  'http://192.168.1.1',
  'http://0xC0A80101',
  'http://１９２.１６８.１.１',
  'http://100.64.0.1',
  'http://100.127.255.254',
  'http://169.254.169.254/latest/meta-data/',
  'http://0xA9FEA9FE',
  'http://0251.0376.0251.0376',
  'http://169.254.43518',
  'http://100.100.100.200',
  'http://192.0.0.1',
  'http://198.19.255.255',
  'http://224.0.0.251',
  'http://239.255.255.250',
  'http://255.255.255.255',
  'http://[fe80::1]',
  'http://[FD00:EC2::254]',
  'http://[fc00::1]',
  'http://[ff02::1]',
  'http://[::ffff:10.0.0.1]',
  'http://[::ffff:a9fe:a9fe]',
  'http://[64:ff9b::a00:1]',
  'http://[2002:c0a8:101::1]',
  'http://[::10.0.0.1]',
  'http://metadata.google.internal',
  'http://METADATA.GOOGLE.INTERNAL.',
  'http://ⓜetadata.google.internal',
]

/** Names, which are looked up when they are called. */
const NAMES = ['localhost', 'LOCALHOST', 'localhost.', 'ｌｏｃａｌｈｏｓｔ', '%6cocalhost', 'a.localhost']

const CUSTOMER: AddressPolicy = { of: 'customer', allow: [] }

/** Somebody at a port of this machine, by IPv4 and IPv6, who is never to hear anything. */
async function listen(): Promise<AsyncDisposable & { readonly port: number; readonly heard: () => number }> {
  let heard = 0
  const servers: Server[] = []
  const open = async (host: string, port: number) => {
    const server = createServer((socket) => {
      heard += 1
      socket.destroy()
    }).listen(port, host)
    await once(server, 'listening')
    servers.push(server)
    return (server.address() as AddressInfo).port
  }
  const port = await open('127.0.0.1', 0)
  // A machine without IPv6 has one door fewer to watch.
  await open('::1', port).catch(() => undefined)
  return {
    port,
    heard: () => heard,
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.close()
    },
  }
}

describe('a forbidden address', () => {
  let server: Readback
  let account: Customer
  let listener: Awaited<ReturnType<typeof listen>>
  before(async () => {
    listener = await listen()
    server = await startReadback({ READBACK_WEBHOOK_ALLOW: '192.0.2.1' })
    account = await customer(server)
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await listener[Symbol.asyncDispose]()
  })

  async function isRefused(url: string, lookup?: LookupFunction) {
    const options = { timeoutMs: 2_000, policy: CUSTOMER, largestAnswer: { bytes: 100, beyond: 'cut' } } as const
    const caller = createHttpCaller({ ...options, ...(lookup === undefined ? {} : { lookup }) })
    const outcome = await caller.call({ method: 'POST', url, body: {} })
    await caller.close()
    const refused = { kind: 'unavailable', reason: 'unreachable', detail: 'GUARDED_ADDRESS', mayHaveArrived: false }
    assert.deepEqual(outcome, refused, url)
    assert.equal(listener.heard(), 0, url)
  }

  for (const spelling of [...THIS_MACHINE, ...ELSEWHERE]) {
    test(`is no webhook, and is never called: ${JSON.stringify(spelling)}`, async () => {
      const url = spelling.replace('PORT', String(listener.port))
      const endpoints = [url, { url }]
      for (const webhook of endpoints) {
        const path = '/api/account/webhooks'
        const answers = [
          await account.must(400, 'POST', path, { webhooks: [webhook] }),
          await account.must(400, 'PUT', path, { webhooks: { receive: [webhook] } }),
        ]
        for (const { body } of answers)
          assert.match(body.message, /`webhooks`.*private or special address.*READBACK_WEBHOOK_ALLOW/)
      }
      await isRefused(url)
    })
  }

  for (const name of NAMES) {
    test(`is never called by a name that leads to it: ${name}`, async () => {
      const caller = createHttpCaller({
        timeoutMs: 5_000,
        policy: CUSTOMER,
        largestAnswer: { bytes: 100, beyond: 'cut' },
      })
      const outcome = await caller.call({ method: 'POST', url: `http://${name}:${listener.port}/`, body: {} })
      await caller.close()
      // Not every machine knows every one of them.
      assert.equal(outcome.kind, 'unavailable')
      assert.equal(listener.heard(), 0)
    })
  }

  const ANSWERS: readonly (readonly string[])[] = [
    ['127.0.0.1'],
    ['::1'],
    ['10.0.0.1'],
    ['169.254.169.254'],
    ['::ffff:127.0.0.1'],
    ['64:ff9b::7f00:1'],
    ['fe80::1%eth0'],
    ['8.8.8.8', '127.0.0.1'],
    ['2606:4700:4700::1111', '::1'],
  ]
  for (const addresses of ANSWERS) {
    test(`is never called where DNS says ${addresses.join(' and ')}`, async () => {
      const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      const lookup: LookupFunction = (_name, _options, callback) => callback(null, all)
      await isRefused(`http://customer.example:${listener.port}/`, lookup)
    })
  }

  for (const status of [301, 302, 303, 307, 308]) {
    test(`is never called by way of a ${status}`, async () => {
      await using sink = await startCustomerServer()
      const location = `http://127.0.0.1:${listener.port}/`
      sink.answer = (_, response) => response.writeHead(status, { location }).end()
      const policy: AddressPolicy = { of: 'customer', allow: parseAddressRanges('127.0.0.1') }
      const caller = createHttpCaller({ timeoutMs: 2_000, policy, largestAnswer: { bytes: 100, beyond: 'cut' } })
      const outcome = await caller.call({ method: 'POST', url: sink.url, body: {} })
      await caller.close()
      assert.equal(outcome.kind === 'answer' && outcome.status, status)
      assert.equal(sink.received.length, 1)
      assert.equal(listener.heard(), 0)
    })
  }

  test('would have been heard: where it is allowed, each spelling that leads there reaches the listener', async () => {
    const policy: AddressPolicy = { of: 'customer', allow: parseAddressRanges('127.0.0.0/8') }
    const caller = createHttpCaller({ timeoutMs: 2_000, policy, largestAnswer: { bytes: 100, beyond: 'cut' } })
    const spellings = THIS_MACHINE.filter((spelling) => new URL(spelling.replace('PORT', '1')).hostname === '127.0.0.1')
    assert.ok(spellings.length > 20)
    for (const [index, spelling] of spellings.entries()) {
      await caller.call({ method: 'POST', url: spelling.replace('PORT', String(listener.port)), body: {} })
      assert.equal(listener.heard(), index + 1, spelling)
    }
    await caller.close()
  })
})
