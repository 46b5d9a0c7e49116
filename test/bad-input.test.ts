import assert from 'node:assert/strict'
import { METHODS } from 'node:http'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { CHALLENGE, defectsOf } from './support/bad-input.ts'
import { sendAndLeave, sendAndReset, sendRaw } from './support/raw-http.ts'
import { CONTACT, type Customer, customer, LINE } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

const GOOD = JSON.stringify({ number: CONTACT, from_number: LINE })
const TUNNEL = Buffer.from('CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n')
/** For a number that is no line of theirs. */
const ELSEWHERE = JSON.stringify({ number: CONTACT, from_number: CONTACT })

describe('bad input', () => {
  const server = shareReadback()
  let account: Customer
  before(async () => {
    account = await customer(server)
  })

  /** Bytes of a request to mark as read; `headers` replace the good ones. */
  const request = (body: string | Buffer, headers: readonly string[] = [], start = 'POST /api/mark-read HTTP/1.1') => {
    const own = new Set(headers.map((header) => header.split(':')[0]))
    const good = {
      host: 'localhost',
      connection: 'close',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      ...account.keys,
    }
    const lines = Object.entries(good).filter(([name]) => !own.has(name))
    const head = [start, ...lines.map(([name, value]) => `${name}: ${value}`), ...headers, '', '']
    return Buffer.concat([Buffer.from(head.join('\r\n')), Buffer.from(body)])
  }

  async function refused(status: number, bytes: Buffer) {
    const answer = await sendRaw(server.base, bytes)
    assert.equal(answer?.status, status, answer?.body)
    const { message, ...rest } = JSON.parse(answer?.body ?? '')
    assert.deepEqual(rest, { status: 'ERROR' })
    assert.equal(typeof message, 'string')
    assert.notEqual(message, '')
    assert.match(answer?.headers['x-request-id'] ?? '', /^[\da-f]{8}-[\da-f]{4}-\w+$/)
    assert.equal(answer?.headers['www-authenticate'], status === 401 ? CHALLENGE : undefined)
    assert.ok(answer)
    return answer
  }

  /** A line is written when its answer has gone out, which the client may hear of first. */
  async function lineOf(id: string) {
    const [line] = await until(
      'its log line',
      () => server.logs.map((text) => JSON.parse(text)).filter(({ reqId }) => reqId === id),
      (lines) => lines.length > 0,
    )
    return line
  }

  test('is 405 before 401, and 404 before both', async () => {
    const other = await fetch(`${server.base}/api/mark-read`)
    assert.equal(other.status, 405)
    assert.deepEqual(await other.json(), { status: 'ERROR', message: 'This endpoint takes POST' })
    for (const method of METHODS.filter((method) => method !== 'POST' && method !== 'CONNECT')) {
      const answer = await sendRaw(server.base, request('', [], `${method} /api/mark-read HTTP/1.1`))
      assert.deepEqual([answer?.status, answer?.headers.allow], [405, 'POST'], method)
    }
    const answer = await sendRaw(server.base, request('', [], 'POST /api/lines HTTP/1.1'))
    assert.equal(answer?.headers.allow, 'HEAD, GET')
    for (const method of ['GET', 'POST']) await refused(404, request('', [], `${method} /openapi-json HTTP/1.1`))
    const unknown = await fetch(`${server.base}/api/mark-unread`, { method: 'POST', body: 'x'.repeat(1_000_000) })
    assert.equal(unknown.status, 404)
    assert.deepEqual(await unknown.json(), { status: 'ERROR', message: 'There is no such endpoint' })
  })

  test('is the same for a path that is percent-encoded, as RFC 3986 has it', async () => {
    for (const path of ['/api/mark%2Dread', '/%61pi/mark-read?%zz', '/api/mark-read#%zz']) {
      await refused(401, request('', ['sb-api-key-id: x'], `POST ${path} HTTP/1.1`))
      for (const method of ['GET', 'DELETE', 'OPTIONS'])
        await refused(405, request('', [], `${method} ${path} HTTP/1.1`))
    }
    for (const method of ['GET', 'POST']) await refused(404, request('', [], `${method} /api%2Fmark-read HTTP/1.1`))
  })

  test('is the same for a path behind the name of the server, as RFC 9112 has it, and for an id that is empty', async () => {
    for (const origin of ['http://localhost', 'https://localhost:7070']) {
      await refused(401, request('', ['sb-api-key-id: x'], `POST ${origin}/api/mark-read HTTP/1.1`))
      await refused(405, request('', [], `GET ${origin}/api/mark-read HTTP/1.1`))
      await refused(404, request('', [], `GET ${origin}/api/mark-unread HTTP/1.1`))
    }
    await refused(404, request('', [], 'GET /readback/v1/receipts/ HTTP/1.1'))
    await refused(405, request('', [], 'POST /readback/v1/receipts/ HTTP/1.1'))
  })

  test('is 401 and then 404 for an id that nothing has, however long it is', async () => {
    const path = `/readback/v1/receipts/${'x'.repeat(2_000)}`
    await refused(404, request('', [], `GET ${path} HTTP/1.1`))
    await refused(401, request('', ['sb-api-key-id: x'], `GET ${path} HTTP/1.1`))
  })

  test('is 413 beyond 64 KiB, said or not said in its length', async () => {
    const body = JSON.stringify({ number: CONTACT, from_number: LINE, more: 'x'.repeat(1_000_000) })
    await refused(413, request(body))
    await refused(413, request(body, ['content-type: text/plain']))
    const chunks = request('', ['transfer-encoding: chunked']).toString().replace('content-length: 0\r\n', '')
    await refused(413, Buffer.from(`${chunks}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`))
  })

  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'multipart/form-data',
    '',
  ]) {
    test(`is 415 for the content type "${type}"`, async () => {
      await refused(415, request(GOOD, [`content-type: ${type}`]))
    })
  }

  test('is 415 for a body with half of a content type or none, another charset, and a compressed body', async () => {
    await refused(415, request(GOOD, ['content-type: application/json; charset=utf-16']))
    await refused(415, request(GOOD, ['content-encoding: gzip']))
    await refused(415, request(GOOD, ['content-type: json']))
    const bare = request(GOOD).toString().replace('content-type: application/json\r\n', '')
    await refused(415, Buffer.from(bare))
  })

  test('is 400 for bytes that are no UTF-8 in a text, and is none by any name of UTF-8, nor uncompressed', async () => {
    const [head = '', tail = ''] = JSON.stringify({ number: CONTACT, from_number: LINE, more: '|' }).split('|')
    const bytes = Buffer.concat([Buffer.from(head), Buffer.from([0xff]), Buffer.from(tail)])
    await refused(400, request(bytes))
    for (const charset of ['utf-8', 'UTF-8', 'utf8', '"UTF8"']) {
      const headers = [`content-type: application/json; charset=${charset}`, 'content-encoding: identity']
      // Read, and for no line of theirs: it leaves no receipt.
      assert.equal((await sendRaw(server.base, request(ELSEWHERE, headers)))?.status, 404, charset)
    }
  })

  const LIES: readonly [what: string, status: number, headers: readonly string[]][] = [
    ['two content-lengths', 400, ['content-length: 5', 'content-length: 6']],
    ['a content-length that is no number', 400, ['content-length: many']],
    ['a negative content-length', 400, ['content-length: -1']],
    ['a content-length and chunks', 400, ['content-length: 5', 'transfer-encoding: chunked']],
    ['a transfer encoding that does not exist', 400, ['transfer-encoding: gzip']],
    ['a header line without a colon', 400, ['nonsense']],
    ['a NUL in a header', 400, ['x-nul: a\0b']],
    ['two API keys', 401, ['sb-api-key-id: one', 'sb-api-key-id: two']],
    ['headers of 100 kB', 431, [`x-long: ${'x'.repeat(100_000)}`]],
    [
      'an expectation that nobody meets, which is passed over, and keys that nobody has',
      401,
      ['expect: more', 'sb-api-key-id: x'],
    ],
  ]
  for (const [what, status, headers] of LIES) {
    test(`is ${status} for ${what}`, async () => {
      await refused(status, request(GOOD, headers))
    })
  }

  test('is 400 for a request that is none, one without a host, and a malformed URL', async () => {
    await refused(400, Buffer.from('HELLO\r\n\r\n'))
    await refused(400, Buffer.from('GET / HTTP/9.9\r\n\r\n'))
    await refused(400, request(GOOD, [], 'POST /api/%zz HTTP/1.1'))
    const hostless = request('', []).toString().replace('host: localhost\r\n', '')
    await refused(400, Buffer.from(hostless))
  })

  test('is none without a host over HTTP/1.0, which asks for no such header, but at the console', async () => {
    const status = async (path: string) =>
      (await sendRaw(server.base, Buffer.from(`GET ${path} HTTP/1.0\r\n\r\n`)))?.status
    for (const path of ['/healthz', '/readyz']) assert.equal(await status(path), 200, path)
    const mine = request('', [], 'GET /account HTTP/1.0').toString().replace('host: localhost\r\n', '')
    assert.equal((await sendRaw(server.base, Buffer.from(mine)))?.status, 200)
    for (const path of ['/', '/console/session']) assert.equal(await status(path), 403, path)
  })

  test('leaves nothing behind when the client goes in the middle of its body', async () => {
    await sendAndLeave(server.base, request(GOOD, [`content-length: ${GOOD.length + 1}`]))
    const { body } = await account.must(200, 'GET', '/readback/v1/receipts')
    assert.deepEqual(body.data, [])
  })

  test('is answered, and leaves nothing behind, whatever it is', async (t) => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('+', '+1', '\0', CONTACT, '＋14155551234', 'a@b'),
    )
    const values = fc.oneof(texts, fc.jsonValue(), fc.double(), fc.constant(null))
    const bodies = fc.oneof(
      fc.record({ number: values, from_number: values }, { requiredKeys: [] }).map((body) => JSON.stringify(body)),
      fc.json(),
      fc.string({ unit: 'binary' }),
    )
    const seed = Date.now() & 0x7fffffff
    t.diagnostic(`seed ${seed}`)
    const property = fc.asyncProperty(bodies, async (body) => {
      const answer = await account.call('POST', '/api/mark-read', body)
      assert.ok([400, 404].includes(answer.status), `${answer.status} ${JSON.stringify(answer.body)}`)
      assert.deepEqual([answer.body.status, typeof answer.body.message], ['ERROR', 'string'])
    })
    await fc.assert(property, { seed, numRuns: 500 })
    const { body } = await account.must(200, 'GET', '/readback/v1/receipts')
    assert.deepEqual(body.data, [])
  })

  test('has the id that it is answered with in its log line', async () => {
    const { status, headers } = await fetch(`${server.base}/api/mark-read`, { method: 'POST' })
    const line = await lineOf(headers.get('x-request-id') ?? '')
    assert.deepEqual([line.route, line.status], ['/api/mark-read', status])
  })

  test('has it there also where it has no route, and where it is no request', async () => {
    for (const [bytes, status] of [
      [request(GOOD, [], 'POST /api/%zz HTTP/1.1'), 400],
      [Buffer.from('HELLO\r\n\r\n'), 400],
      [TUNNEL, 400],
      [request(GOOD, [`x-long: ${'x'.repeat(100_000)}`]), 431],
    ] as const) {
      const { headers } = await refused(status, bytes)
      assert.equal((await lineOf(headers['x-request-id'] ?? '')).status, status)
    }
  })

  test('breaks nothing where whoever asked for a tunnel breaks off', async () => {
    for (let n = 0; n < 5; n++) await sendAndReset(server.base, TUNNEL)
    await account.must(200, 'GET', '/account')
  })

  test('never was a defect, and the server is as well as before', async () => {
    assert.deepEqual(defectsOf(server), [])
    await account.write()
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
  })
})
