import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Seal } from './seal.ts'

const KEY = 'ab'.repeat(32)

test('what is sealed is opened by the same key for the same purpose alone, also once it was opened, and never when it was changed', () => {
  const seal = new Seal(KEY)
  const sealed = seal.close('line', 'a password')
  assert.notEqual(seal.close('line', 'a password'), sealed)
  for (let time = 0; time < 2; time++) {
    assert.equal(seal.open('line', sealed), 'a password')
    assert.throws(() => seal.open('webhook', sealed))
    assert.throws(() => new Seal(KEY.replace('a', 'c')).open('line', sealed))
  }
  const bytes = Buffer.from(sealed, 'base64')
  for (const at of bytes.keys()) {
    const changed = Buffer.from(bytes)
    changed[at] = (bytes[at] ?? 0) ^ 1
    assert.throws(() => seal.open('line', changed.toString('base64')), `byte ${at}`)
  }
})
