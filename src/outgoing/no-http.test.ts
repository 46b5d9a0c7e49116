import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { CARRIER } from './address-guard.ts'
import { createHttpCaller } from './http-call.ts'

const ANSWERS = {
  'another protocol': 'SSH-2.0-OpenSSH\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok',
  'a header of 100 kB': `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
}

for (const [what, bytes] of Object.entries(ANSWERS)) {
  test(`who answers with ${what} is there, and makes no sense`, async () => {
    const server = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(bytes)))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const largestAnswer = { bytes: 1_000, beyond: 'refuse' } as const
    const caller = createHttpCaller({ timeoutMs: 2_000, policy: CARRIER, largestAnswer })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const outcome = await caller.call({ method: 'GET', url })
    await caller.close()
    server.close()
    assert.equal(outcome.kind === 'unavailable' && outcome.reason, 'carrier_error')
  })
}
