import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatId, parseId, type ReceiptId } from './id.ts'

const seed = Date.now() & 0x7fffffff

test(`an id comes back from its word, and from no other kind's (seed ${seed})`, () => {
  const property = fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (number) => {
    const word = formatId('receipt', number as ReceiptId)
    assert.equal(parseId('receipt', word), number)
    assert.equal(parseId('message', word), undefined)
  })
  fc.assert(property, { seed })
})

test(`a word that is no id is none, and one that is reads back alike (seed ${seed})`, () => {
  const words = fc.oneof(
    fc.string(),
    fc.string().map((text) => `rcpt_${text}`),
    fc.constantFrom('rcpt_', 'rcpt_0', 'rcpt_01', 'rcpt_A', 'rcpt_-1', 'rcpt_1.5', 'rcpt_zzzzzzzzzzzzzzzz', 'RCPT_1'),
  )
  const property = fc.property(words, (word) => {
    const id = parseId('receipt', word)
    if (id !== undefined) assert.equal(formatId('receipt', id), word)
  })
  fc.assert(property, { seed })
  for (const word of ['rcpt_', 'rcpt_0', 'rcpt_01', 'rcpt_A', 'rcpt_-1'])
    assert.equal(parseId('receipt', word), undefined)
})
