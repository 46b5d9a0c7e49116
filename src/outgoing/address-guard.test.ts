import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOnThisMachine } from './address-guard.ts'

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
