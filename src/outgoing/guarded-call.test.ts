import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { test } from 'node:test'
import { serve } from '../../test/support/answering.ts'
import { type AddressPolicy, CARRIER, parseAddressRanges } from './address-guard.ts'
import { createHttpCaller } from './http-call.ts'

const LARGEST = { bytes: 1_000, beyond: 'refuse' } as const
const CUSTOMER: AddressPolicy = { of: 'customer', allow: [] }

const REFUSED = { kind: 'unavailable', reason: 'unreachable', detail: 'GUARDED_ADDRESS', mayHaveArrived: false }

/** Nobody's, whoever asks, and whatever is allowed. */
const NOBODYS = [
  'http://169.254.169.254',
  'http://169.254.1.1/',
  'http://2852039166',
  'http://0xa9fea9fe',
  'http://0251.0376.0251.0376',
  'http://169.254.43518',
  'http://[::ffff:169.254.169.254]',
  'http://[::ffff:a9fe:a9fe]',
  'http://[64:ff9b::169.254.169.254]',
  'http://[::ffff:0:169.254.169.254]',
  'http://[::169.254.169.254]',
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

/** A carrier may be there; a customer's endpoint only where the operator allows it. */
const PRIVATE = [
  'http://localhost',
  'http://127.0.0.1',
  'http://127.1',
  'http://127.255.255.254',
  'http://2130706433',
  'http://0x7f000001',
  'http://0x7f.1',
  'http://0177.0.0.1',
  'http://017700000001',
  'http://①②⑦.⓪.⓪.①',
  'http://127。0。0。1',
  'http://[::1]',
  'http://[0:0:0:0:0:0:0:1]',
  'http://[::ffff:127.0.0.1]',
  'http://[::ffff:7f00:1]',
  'http://[::127.0.0.1]',
  'http://[64:ff9b::7f00:1]',
  'http://[2002:7f00:1::]',
  'http://[::ffff:0:127.0.0.1]',
  'http://10.0.0.1',
  'http://10.255.255.255',
  'http://172.16.0.1',
  'http://172.31.255.255',
  'http://192.168.0.1',
  'http://3232235777',
  'http://100.64.0.1',
  'http://198.18.0.1',
  'http://192.0.2.1',
  'http://198.51.100.1',
  'http://203.0.113.1',
  'http://240.0.0.1',
  'http://[fc00::1]',
  'http://[fd12:3456::1]',
  'http://[fec0::1]',
  'http://[2001:db8::1]',
  'http://[2001::1]',
  'http://[100::1]',
]

for (const url of NOBODYS) {
  test(`${url} is called for nobody, though all is allowed`, async () => {
    const all = parseAddressRanges('0.0.0.0/0,::/0')
    for (const policy of [CARRIER, { of: 'customer', allow: all } as const]) {
      const caller = createHttpCaller({ timeoutMs: 1_000, policy, largestAnswer: LARGEST })
      const outcome = await caller.call({ method: 'GET', url })
      assert.deepEqual(outcome, REFUSED)
      await caller.close()
    }
  })
}

for (const url of PRIVATE) {
  test(`${url} is not called for a customer`, async () => {
    const caller = createHttpCaller({ timeoutMs: 1_000, policy: CUSTOMER, largestAnswer: LARGEST })
    const outcome = await caller.call({ method: 'POST', url, body: {} })
    assert.deepEqual(outcome, REFUSED)
    await caller.close()
  })
}

test('a private address is called for a customer where the operator allows it, in whatever notation', async () => {
  await using server = await serve((_, response) => response.end('{}'))
  const policy: AddressPolicy = { of: 'customer', allow: parseAddressRanges('127.0.0.0/8, ::1') }
  const caller = createHttpCaller({ timeoutMs: 1_000, policy, largestAnswer: LARGEST })
  for (const host of ['127.0.0.1', 'localhost', '0x7f.1', '[::ffff:127.0.0.1]']) {
    const outcome = await caller.call({ method: 'GET', url: `http://${host}:${server.port}/` })
    assert.equal(outcome.kind, 'answer', host)
  }
  await caller.close()
})

test('what is no range is refused as a setting', () => {
  for (const list of ['10.0.0.0/33', 'localhost', '10/8/8', '::1/129']) {
    assert.throws(() => parseAddressRanges(list), /no address range/, list)
  }
  assert.deepEqual(parseAddressRanges(''), [])
})

for (const [whom, policy, resolved] of [
  ['nobody', CARRIER, [['169.254.169.254'], ['127.0.0.1', '169.254.169.254']]],
  ['no customer', CUSTOMER, [['127.0.0.1'], ['8.8.8.8', '10.0.0.1']]],
] as const) {
  test(`a name that resolves to such an address is called for ${whom}, also when another of its addresses would do`, async () => {
    await using server = await serve((_, response) => response.end('{}'))
    for (const addresses of resolved) {
      const lookup: LookupFunction = (_name, _options, callback) =>
        callback(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        )
      const caller = createHttpCaller({ timeoutMs: 1_000, policy, largestAnswer: LARGEST, lookup })
      const outcome = await caller.call({ method: 'GET', url: `http://mac.example:${server.port}/` })
      assert.deepEqual(outcome, REFUSED)
      await caller.close()
    }
    assert.deepEqual(server.calls, [])
  })
}
