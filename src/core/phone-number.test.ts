import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseAddress, parsePhoneNumber } from './phone-number.ts'

describe('a phone number', () => {
  const digits = fc.stringMatching(/^[1-9]\d{6,14}$/)

  test('keeps its digits, whatever punctuation stands between them', () => {
    const punctuated = digits.chain((number) =>
      fc
        .array(fc.constantFrom('', ' ', '.', '-', '(', ')', '[', ']'), {
          minLength: number.length,
          maxLength: number.length,
        })
        .map((marks) => ({ number, written: `+${[...number].map((digit, at) => marks[at] + digit).join('')}` })),
    )
    fc.assert(
      fc.property(punctuated, ({ number, written }) => {
        assert.equal(parsePhoneNumber(written), `+${number}`)
      }),
    )
  })

  test('is its own normal form', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const address = parseAddress(text)
        if (address !== undefined) assert.equal(parseAddress(address), address)
      }),
    )
  })

  test('is nothing without a +, with a leading 0, out of 7 to 15 digits, or written at length', () => {
    for (const text of ['14155551234', '+04155551234', '+141555', '+1234567890123456', '+1415555x234', '+', '']) {
      assert.equal(parsePhoneNumber(text), undefined, text)
    }
    const [written, longer] = [64, 65].map((length) => '+14155550100'.padEnd(length))
    assert.deepEqual([parsePhoneNumber(written ?? ''), parsePhoneNumber(longer ?? '')], ['+14155550100', undefined])
  })

  test('is not made of a text with a control character, or half of a character, in it', () => {
    for (const text of [
      '+1415555\u00001234',
      '+14155551234\n',
      'ada\u0000@example.com',
      'ada\u0085@example.com',
      'ada@example.com\n',
      '\ud800@example.com',
    ]) {
      assert.equal(parseAddress(text), undefined, JSON.stringify(text))
    }
  })
})

test('an e-mail address is as long as SMTP can carry, and no longer', () => {
  const address = (length: number) => `${'a'.repeat(length - '@example.com'.length)}@example.com`
  assert.equal(parseAddress(address(254)), address(254))
  assert.equal(parseAddress(address(255)), undefined)
  assert.equal(parseAddress(address(254).replace('a', 'İ')), undefined, 'it is longer in lower case')
})
