import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SignInLinks } from './sign-in-links.ts'

const HOUR_MS = 3_600_000

test('a link signs in once, and for an hour', () => {
  let at = 0
  const links = new SignInLinks(() => at)
  const key = { keyId: 'key_1', secret: 'hidden' }
  const [used, late, later] = [links.make(key), links.make(key), links.make(key)]
  assert.equal(links.redeem('another'), undefined)
  assert.deepEqual([links.redeem(used), links.redeem(used)], [key, undefined])
  at = HOUR_MS - 1
  assert.deepEqual(links.redeem(late), key)
  at = HOUR_MS
  assert.equal(links.redeem(later), undefined)
})
