import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { describe, test } from 'node:test'
import { serveCarrier, serveUntrusted } from './support/carrier.ts'
import { CONTACT } from './support/readback.ts'
import { KEYS, relay } from './support/relay.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

const json = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): RequestListener => {
  return (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
const error = (status: number, message: string) => json(status, { status: 'ERROR', message })

const OUTCOMES: readonly [how: string, answer: RequestListener, state: string, reason: string][] = [
  ['401', error(401, KEYS.api_secret_key), 'failed', 'wrong_password'],
  ['403', error(403, `Not enabled for ${KEYS.api_key_id}`), 'failed', 'access_denied'],
  ['401 in a shape of its own', json(401, { error: 'Unauthorized' }), 'failed', 'wrong_password'],
  ['401 in a proxy’s HTML', (_, response) => response.writeHead(401).end('<html></html>'), 'sending', 'carrier_error'],
  ['403 in a proxy’s HTML', (_, response) => response.writeHead(403).end('<html></html>'), 'sending', 'carrier_error'],
  ['404 for the line', error(404, 'The from_number is not registered'), 'failed', 'not_registered'],
  ['400', error(400, 'You must specify a valid `number` in the request body.'), 'failed', 'rejected'],
  ['404 for the route', error(404, 'There is no such endpoint'), 'failed', 'rejected'],
  ['404 of something else', (_, response) => response.writeHead(404).end('Not Found'), 'sending', 'carrier_error'],
  ['429', error(429, 'Slow down'), 'sending', 'rate_limited'],
  ['429 with retry-after', json(429, { status: 'ERROR' }, { 'retry-after': '30' }), 'sending', 'rate_limited'],
  ['500', error(500, KEYS.signing_secret), 'sending', 'carrier_error'],
  ['500 with the words of a 200', json(500, { status: 'OK' }), 'sending', 'carrier_error'],
  ['HTML', (_, response) => response.end('<html></html>'), 'sending', 'carrier_error'],
  ['a redirect', (_, response) => response.writeHead(302, { location: '/' }).end(), 'sending', 'carrier_error'],
  ['nothing, for ever', () => {}, 'sending', 'timeout'],
  ['a reset', (request) => request.socket.resetAndDestroy(), 'sending', 'unreachable'],
  [
    'half an answer',
    (_, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('{"status"', () => response.destroy())
    },
    'sending',
    'carrier_error',
  ],
  [
    'an hour ago',
    json(429, { status: 'ERROR' }, { date: new Date(Date.now() - 3_600_000).toUTCString() }),
    'sending',
    'rate_limited',
  ],
]

describe('a server of this API in trouble', () => {
  const here = shareReadback({ READBACK_CARRIER_TIMEOUT_S: '0.5' })

  for (const [how, answer, state, reason] of OUTCOMES) {
    test(`that answers ${how} leaves the receipt ${state}, the line OFFLINE, ${reason}, and no secret in sight`, async () => {
      await using there = await serveCarrier(async (request, response) => answer(request, response))
      const loggedBefore = here.logs.length
      const { account, line } = await relay(here, ownLine(), { ...KEYS, base_url: there.url })
      const id = await account.markRead(CONTACT, line)
      const receipt = await until(
        'an outcome',
        () => account.receipt(id),
        (seen) => seen.reason !== null,
      )
      assert.deepEqual([receipt.state, receipt.reason], [state, reason])
      const probed = await here.operator.must(200, 'POST', `/operator/lines/${encodeURIComponent(line)}/probe`)
      assert.deepEqual([probed.body.line_status, probed.body.reason], ['OFFLINE', reason])
      const said = [...here.logs.slice(loggedBefore), JSON.stringify(receipt)].join('\n')
      for (const secret of Object.values(KEYS)) assert.ok(!said.includes(secret), `${secret} is told`)
    })
  }

  test('behind a certificate that nobody vouches for is sent nothing', async () => {
    await using impostor = await serveUntrusted()
    const { account, line } = await relay(here, ownLine(), { ...KEYS, base_url: impostor.url })
    const id = await account.markRead(CONTACT, line)
    const receipt = await until(
      'an outcome',
      () => account.receipt(id),
      (seen) => seen.reason !== null,
    )
    assert.deepEqual([receipt.state, receipt.reason, impostor.requests()], ['sending', 'unreachable', 0])
  })
})
