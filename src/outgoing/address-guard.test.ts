import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CARRIER, isInRanges, isOnThisMachine, isRefusedHost, parseAddressRanges } from './address-guard.ts'

test('this machine is told from others', () => {
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

test('a carrier may be on this machine, by IPv6 as by IPv4', () => {
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) assert.ok(!isRefusedHost(host, CARRIER), host)
})

test('a single address allows itself alone, in whatever notation', () => {
  const ranges = parseAddressRanges('192.0.2.1, 2001:db8::1')
  for (const url of ['http://192.0.2.1', 'http://[::ffff:192.0.2.1]', 'http://[2001:db8::1]']) {
    assert.ok(isInRanges(url, ranges), url)
  }
  for (const url of ['http://192.0.2.2', 'http://[2001:db8::2]', 'http://customer.example']) {
    assert.ok(!isInRanges(url, ranges), url)
  }
})
