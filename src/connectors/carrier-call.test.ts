import assert from 'node:assert/strict'
import { test } from 'node:test'
import { excerpt, parseCarrierUrl } from './carrier-call.ts'

for (const url of ['http://169.254.169.254', 'http://2852039166', 'http://[::]', 'http://metadata.google.internal']) {
  test(`${url} is no carrier's`, () => {
    assert.throws(() => parseCarrierUrl('url', url), /`url` must not lead to/)
  })
}

test('a Mac at home is a carrier: private and loopback addresses', () => {
  for (const url of [
    'http://192.168.1.20:1234',
    'http://10.0.0.5',
    'http://127.0.0.1:1',
    'https://mac.example/base/',
    'https://mac.example/base//',
  ]) {
    assert.equal(parseCarrierUrl('url', url), url.replace(/\/+$/, ''))
  }
})

for (const url of [
  'ftp://a',
  'file:///etc/passwd',
  'a',
  '',
  1,
  null,
  'http://u:p@a',
  'http://:p@a',
  'http://u@a',
  'http://a?b',
  'http://a#b',
]) {
  test(`${JSON.stringify(url)} is refused as a carrier's URL`, () => {
    assert.throws(() => parseCarrierUrl('url', url), /`url`/)
  })
}

test('what a carrier said is told short, on one line and without the secrets it may echo', () => {
  assert.equal(excerpt('wrong p@ss word\n\tgiven: p%40ss%20word', ['p@ss word']), 'wrong … given: …')
  // Half of a character, as of a secret that somebody cut.
  assert.equal(excerpt('wrong: \ud83d', ['\ud83d']), 'wrong: …')
  assert.equal(excerpt("refused: it's and it%27s", ["it's"]), 'refused: … and …')
  const echoed = '400 no chat any;-;+14155551234 of ada@example.com, nor of (415) 555-1234 at 20:15'
  assert.equal(excerpt(echoed, []), '400 no chat any;-;… of …, nor of (… at 20:15')
  assert.equal(excerpt('any%3B-%3Bada%40example.com?x', []), '…')
  assert.equal(excerpt(String.raw`{"said":"a \"b\""}`, ['a "b"', 'b']), '{"said":"…"}')
  assert.equal(excerpt('x'.repeat(1_000), []).length, 200)
  // As a carrier may that sends back a file: minutes go by where all of it is looked through.
  for (const long of ['x'.repeat(1_000_000), `1${'('.repeat(1_000_000)}x`]) assert.equal(excerpt(long, []).length, 200)
})
