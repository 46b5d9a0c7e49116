import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadbackError } from '../core/errors.ts'
import { rawError, rawStatus, toReadbackError } from './errors.ts'

test('what fastify refuses is told in our words, what it refuses otherwise in its own, and what breaks is a defect', () => {
  const thrown = (error: object) => {
    const { code, message } = toReadbackError(Object.assign(new Error('its own words'), error))
    return [code, message]
  }
  assert.deepEqual(thrown({ code: 'FST_ERR_BAD_URL', statusCode: 400 }), ['invalid', 'The URL is malformed'])
  assert.deepEqual(thrown({ code: 'FST_ERR_CTP_INVALID_CONTENT_LENGTH', statusCode: 400 }), [
    'invalid',
    'The body is not as long as its content-length says',
  ])
  for (const statusCode of [400, 499]) assert.deepEqual(thrown({ statusCode }), ['invalid', 'its own words'])
  for (const statusCode of [200, 399, 500, undefined]) {
    assert.deepEqual(thrown({ statusCode }), ['internal', 'its own words'], `${statusCode}`)
  }
  const ours = new ReadbackError('conflict', 'ours')
  assert.equal(toReadbackError(ours), ours)
})

test('what is no request is told in the envelope, on a connection that ends', () => {
  const told = (code: string) => {
    const [head = '', body = ''] = rawError(rawStatus(Object.assign(new Error(), { code })), 'its-id').split('\r\n\r\n')
    const [first, ...headers] = head.split('\r\n')
    assert.deepEqual(headers, [
      'content-type: application/json; charset=utf-8',
      `content-length: ${body.length}`,
      'x-request-id: its-id',
      'connection: close',
    ])
    return [first, JSON.parse(body)]
  }
  for (const [code, first, message] of [
    ['HPE_INVALID_METHOD', '400 Bad Request', 'The request is malformed'],
    ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large', 'Request Header Fields Too Large'],
    ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout', 'Request Timeout'],
  ] as const) {
    assert.deepEqual(told(code), [`HTTP/1.1 ${first}`, { status: 'ERROR', message }])
  }
})
