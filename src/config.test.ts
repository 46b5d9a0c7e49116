import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from './config.ts'

const SHARED = {
  DATABASE_URL: 'postgres://127.0.0.1/readback',
  READBACK_SECRET_KEY: '0'.repeat(64),
  READBACK_OPERATOR_TOKEN: 'x'.repeat(16),
}

/** The last that is taken on each side, and the first that is not. */
const BOUNDS: Readonly<Record<string, readonly [taken: readonly string[], refused: readonly string[]]>> = {
  PORT: [
    ['0', '65535'],
    ['-1', '65536', '70.5'],
  ],
  READBACK_POOL_SIZE: [
    ['2', '1000'],
    ['1', '1001', '2.5'],
  ],
  READBACK_OPERATOR_TOKEN: [['x'.repeat(16)], ['x'.repeat(15)]],
  READBACK_SECRET_KEY: [['aB'.repeat(32)], ['a'.repeat(63), 'a'.repeat(65), 'g'.repeat(64)]],
  READBACK_AUTO_MARK_READ_MAX_AGE_S: [
    ['0', '31536000'],
    ['-0.001', '31536001'],
  ],
  READBACK_RECEIPT_TTL_S: [['1'], ['0.999']],
  READBACK_MESSAGE_TTL_S: [['1'], ['0.999']],
  READBACK_CARRIER_TIMEOUT_S: [['0.1'], ['0.099']],
  READBACK_CATCH_UP_INTERVAL_S: [['0.1'], ['0.099']],
  READBACK_LEASE_S: [['0.5'], ['0.499']],
  READBACK_DEDUPE_AGE_S: [['1'], ['0.999']],
  READBACK_RETENTION_DAYS: [
    ['0.00001', '36500'],
    ['0', '36501'],
  ],
}
for (const [name, [taken, refused]] of Object.entries(BOUNDS)) {
  test(`${name} is taken up to its bounds, and no further`, () => {
    for (const value of taken) readConfig({ [name]: value })
    for (const value of refused) {
      assert.throws(
        () => readConfig({ [name]: value }),
        ({ message }: Error) => message.startsWith(`${name} must `),
        value,
      )
    }
  })
}

test('a setting that is empty is none', () => {
  assert.deepEqual(readConfig({ PORT: '', READBACK_LEASE_S: '', READBACK_DEMO: '' }), readConfig({}))
})

test('a URL of a store may name a socket’s folder, and no host', () => {
  readConfig({ ...SHARED, DATABASE_URL: 'postgres://user:word@/readback?host=/run/postgresql' })
})

test('a lease is twice what a carrier’s call may take, or more', () => {
  const times = (carrier: string, lease: string) => ({
    ...SHARED,
    READBACK_CARRIER_TIMEOUT_S: carrier,
    READBACK_LEASE_S: lease,
  })
  readConfig(times('2', '4'))
  assert.throws(() => readConfig(times('2.001', '4')), /READBACK_LEASE_S must be twice/)
})

test('a host is this machine’s alone by any of its names, and by nothing that begins like one', () => {
  for (const HOST of ['localhost', '::1', '127.0.0.1', '127.8.8.8']) readConfig({ HOST })
  for (const HOST of ['127.example.com', '127.0.0.1.example.com', 'localhost.example.com', '::', '0.0.0.0']) {
    assert.throws(() => readConfig({ HOST }), /lets other machines in/, HOST)
  }
})
