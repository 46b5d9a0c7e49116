import assert from 'node:assert/strict'
import dns from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { test } from 'node:test'
import { startNameServer } from '../../test/support/name-server.ts'
import { customersLookup } from './name-lookup.ts'

const REFUSED = Object.assign(new Error('none'), { code: 'ENOTFOUND' })

function resolverAt(server: string): dns.Resolver {
  const resolver = new dns.Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([server])
  return resolver
}

function ask(lookup: LookupFunction, name: string): Promise<string | undefined> {
  return new Promise((resolve, reject) =>
    lookup(name, { all: true }, (error, answer) =>
      error ? reject(error) : resolve(typeof answer === 'string' ? answer : answer?.[0]?.address),
    ),
  )
}

test('a customer’s names whose servers are silent keep no other waiting, and are each asked of the system once', async () => {
  await using names = await startNameServer({ 'well.example': '192.0.2.7' })
  const ofSystem: string[] = []
  const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const lookup = customersLookup(resolverAt(names.address), (name, _options, callback) => {
    ofSystem.push(name)
    begun.resolve()
    void held.promise.then(() => callback(REFUSED, ''))
  })
  const silent = Array.from({ length: 20 }, (_, n) => ask(lookup, `silent-${n % 10}.example`))
  const ended = Promise.allSettled(silent)
  assert.equal(await ask(lookup, 'well.example'), '192.0.2.7')
  await begun.promise
  assert.equal(await ask(lookup, 'well.example'), '192.0.2.7')
  assert.equal(ofSystem.length, 1)
  held.resolve()
  for (const { status } of await ended) assert.equal(status, 'rejected')
  assert.equal(ofSystem.length, 10)
})

test('what a name’s servers do not know, and a word alone, is looked up by the system', async () => {
  await using names = await startNameServer({})
  const lookup = customersLookup(resolverAt(names.address), (name, _options, callback) => {
    if (name === 'never.example') throw REFUSED
    callback(null, [{ address: '192.0.2.9', family: 4 }])
  })
  await assert.rejects(ask(lookup, 'never.example'), REFUSED)
  assert.equal(await ask(lookup, 'hosts.example'), '192.0.2.9')
  assert.equal(await ask(lookup, 'localhost'), '192.0.2.9')
  assert.deepEqual(new Set(names.asked), new Set(['never.example', 'hosts.example']))
})

test('a name that has an address of IPv6 alone is led there, whether all of its addresses are asked for or one', async () => {
  const resolver = { resolve4: () => Promise.reject(REFUSED), resolve6: async () => ['2001:db8::7'] }
  const lookup = customersLookup(resolver as unknown as dns.Resolver, () => assert.fail('it was known'))
  assert.equal(await ask(lookup, 'six.example'), '2001:db8::7')
  const one = await new Promise((resolve) =>
    lookup('six.example', {}, (error, address, family) => resolve([error, address, family])),
  )
  assert.deepEqual(one, [null, '2001:db8::7', 6])
})

test('the system is asked for a name each time anew, as what it knows may change', async () => {
  await using names = await startNameServer({})
  let asked = 0
  const lookup = customersLookup(resolverAt(names.address), (_name, _options, callback) => {
    asked += 1
    callback(null, [{ address: `192.0.2.${asked}`, family: 4 }])
  })
  for (const address of ['192.0.2.1', '192.0.2.2']) assert.equal(await ask(lookup, 'hosts'), address)
})

test('a name whose turn comes when whoever asked has given up is not looked up', async (t) => {
  await using names = await startNameServer({})
  let at = 0
  t.mock.method(performance, 'now', () => at)
  const ofSystem: string[] = []
  const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const lookup = customersLookup(resolverAt(names.address), (name, _options, callback) => {
    ofSystem.push(name)
    begun.resolve()
    void held.promise.then(() => callback(null, '192.0.2.9', 4))
  })
  const first = ask(lookup, 'first')
  await begun.promise
  const second = assert.rejects(ask(lookup, 'second'), { code: 'ETIMEDOUT' })
  await new Promise((resolve) => setImmediate(resolve))
  at = 60_000
  held.resolve()
  assert.equal(await first, '192.0.2.9')
  await second
  assert.deepEqual(ofSystem, ['first'])
})
