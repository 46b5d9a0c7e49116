import assert from 'node:assert/strict'
import dns from 'node:dns'
import type { LookupFunction } from 'node:net'
import { test } from 'node:test'
import { type AddressPolicy, CARRIER } from './address-guard.ts'
import { createHttpCaller } from './http-call.ts'

const ANSWER = { bytes: 1_000, beyond: 'cut' } as const
const CUSTOMER: AddressPolicy = { of: 'customer', allow: [] }

test('a customer’s name whose servers are silent keeps no carrier waiting, and is asked for once', async (t) => {
  const asked: string[] = []
  const silent: (() => void)[] = []
  const carriers = Promise.withResolvers<void>()
  const lookup: LookupFunction = (hostname, _options, callback) => {
    asked.push(hostname)
    if (hostname === 'mac.example') carriers.resolve()
    const answer = () => callback(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), '')
    if (hostname.startsWith('silent')) silent.push(answer)
    else answer()
  }
  t.mock.method(dns, 'lookup', lookup)
  const options = { timeoutMs: 5_000, largestAnswer: ANSWER }
  const customers = [1, 2].map(() => createHttpCaller({ ...options, policy: CUSTOMER }))
  const carrier = createHttpCaller({ ...options, policy: CARRIER })
  const names = ['silent-1.example', 'silent-1.example', 'silent-2.example', 'well.example']
  const calls = customers.flatMap((caller) =>
    names.map((name) => caller.call({ method: 'GET', url: `http://${name}` })),
  )
  await carrier.call({ method: 'GET', url: 'http://mac.example' })
  await carriers.promise
  assert.deepEqual(asked.toSorted(), ['mac.example', 'silent-1.example'])
  silent[0]?.()
  while (silent[1] === undefined) await new Promise((resolve) => setImmediate(resolve))
  silent[1]?.()
  for (const outcome of await Promise.all(calls)) assert.equal(outcome.kind, 'unavailable')
  assert.deepEqual(asked.toSorted(), ['mac.example', 'silent-1.example', 'silent-2.example', 'well.example'])
  await Promise.all([...customers, carrier].map((caller) => caller.close()))
})
