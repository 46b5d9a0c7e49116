import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { send, serveCarrier } from './support/carrier.ts'
import { customer } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

const CONTENT = 'Meet me at the "harbour"\nat noon'
const MEDIA = 'https://example.com/cat.png?key=a-secret-of-the-customer'
const [NUMBER, EMAIL] = ['+14155550123', 'jane.doe@example.com']
/** As a carrier may that quotes a message as it likes. */
const QUOTED = ['MEET ME AT', 'Meet me a…', 'at&#32;noon']
const WORDS = [
  ...QUOTED,
  'harbour',
  'a-secret-of',
  '4155550123',
  'jane.doe',
  'password-of-the-mac',
  'secret-at-sendblue',
]

const server = shareReadback()

const CARRIERS = [
  ['bluebubbles', (url: string) => ({ url, password: 'password-of-the-mac' }), { content: CONTENT }],
  [
    'sendblue',
    (base_url: string) => ({
      api_key_id: 'key',
      api_secret_key: 'secret-at-sendblue',
      signing_secret: 'signing-secret-at-sendblue',
      base_url,
    }),
    { content: CONTENT, media_url: MEDIA },
  ],
] as const

describe('a carrier that sends back each call with its refusal', { concurrency: true }, () => {
  for (const [connector, settingsOf, message] of CARRIERS) {
    for (const status of [400, 404, 503]) {
      test(`with ${status}, at ${connector}, brings no secret, contact or text into the log`, async () => {
        await using carrier = await serveCarrier(async (request, response) => {
          const sent = await text(request)
          const quoted = sent.includes('harbour') ? QUOTED.join(' ') : ''
          const said = `Cannot ${request.method} ${quoted} ${request.url} ${sent} ${JSON.stringify(request.headers)}`
          const known = request.method === 'GET' && /\/(chat\/.*4155550123|webhook)\b/.test(request.url ?? '')
          if (known) return send(response, { status: 200, body: { status: 200, data: [] } })
          const body = connector === 'sendblue' ? { status: 'ERROR', message: said } : { status, message: said }
          send(response, { status, body })
        })
        const account = await customer(server, { lines: [] })
        const line = ownLine()
        const draft = { number: line, connector, settings: settingsOf(carrier.url) }
        const lines = `/operator/accounts/${account.accountId}/lines`
        await server.operator.must(201, 'POST', lines, draft)
        const where = `/operator/lines/${encodeURIComponent(line)}/inbound-url`
        const { inbound_url } = (await server.operator.must(200, 'GET', where)).body
        for (const number of [NUMBER, EMAIL]) await account.markRead(number, line)
        await account.must(200, 'POST', '/api/send-message', { number: NUMBER, from_number: line, ...message })
        const [{ worker_id }] = (await account.must(200, 'GET', '/api/v2/lines/state')).body.data
        const told = () =>
          server.logs.filter((entry) => entry.includes(`"${worker_id}"`) && entry.includes(`"detail":"${status}`))
        const kinds = ['the carrier did not take a message', 'the carrier did not take a receipt']
        if (connector === 'bluebubbles') kinds.push('a carrier could not be told where to call')
        await until('all to be told', told, (all) => kinds.every((kind) => all.some((entry) => entry.includes(kind))))
        const secret = inbound_url.split('/').at(-1)
        const leaks = [...WORDS, secret].filter((word) => server.logs.some((entry) => entry.includes(word)))
        assert.deepEqual(leaks, [])
      })
    }
  }
})
