import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Fault, serveUntrusted } from './support/carrier.ts'
import { refusal, startGoogle } from './support/google.ts'
import { agent, marked, markRead, outcomeOf, untilRead, write } from './support/google-agent.ts'
import { CONTACT } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'

const server = shareReadback()
/** Lets Google take half a second for an answer. */
const hurried = shareReadback({ READBACK_CARRIER_TIMEOUT_S: '0.5' })

const HTML = { status: 200, body: '<html></html>' }
const ELSEWHERE = { status: 302, body: '', headers: { location: 'http://127.0.0.1:1/' } }

const ECHO = {
  status: 400,
  body: { error: { code: 400, status: 'INVALID_ARGUMENT', message: 'Not for Bearer ya29.token-to-be-found-1.' } },
}

const OUTCOMES: readonly (readonly [how: string, fault: Fault, state: string, reason: string])[] = [
  ['400', refusal(400, 'INVALID_ARGUMENT'), 'failed', 'rejected'],
  ['400 and the token', ECHO, 'failed', 'rejected'],
  ['400 of something else', { status: 400, body: '<html></html>' }, 'sending', 'carrier_error'],
  ['401 again', refusal(401, 'UNAUTHENTICATED'), 'failed', 'wrong_password'],
  ['401 of something else', { status: 401, body: '<html></html>' }, 'sending', 'carrier_error'],
  ['403', refusal(403, 'PERMISSION_DENIED'), 'failed', 'access_denied'],
  ['403 of something else', { status: 403, body: '<html></html>' }, 'sending', 'carrier_error'],
  ['404 NOT_FOUND', refusal(404, 'NOT_FOUND'), 'skipped', 'no_rcs'],
  ['404 of something else', { status: 404, body: '<html></html>' }, 'sending', 'carrier_error'],
  ['408', refusal(408, 'DEADLINE_EXCEEDED'), 'sending', 'timeout'],
  ['429', refusal(429, 'RESOURCE_EXHAUSTED'), 'sending', 'rate_limited'],
  ['429 with retry-after', refusal(429, 'RESOURCE_EXHAUSTED', { 'retry-after': '30' }), 'sending', 'rate_limited'],
  ['500', refusal(500, 'INTERNAL'), 'sending', 'carrier_error'],
  ['503', refusal(503, 'UNAVAILABLE'), 'sending', 'carrier_error'],
  ['504', refusal(504, 'DEADLINE_EXCEEDED'), 'sending', 'timeout'],
  ['HTML', HTML, 'sending', 'carrier_error'],
  ['a redirect', ELSEWHERE, 'sending', 'carrier_error'],
  ['nothing, for ever', 'hang', 'sending', 'timeout'],
  ['a reset', 'reset', 'sending', 'unreachable'],
  ['half an answer', 'cut-short', 'sending', 'carrier_error'],
  ['without end', 'oversize', 'sending', 'carrier_error'],
]

const TOKEN_OUTCOMES: typeof OUTCOMES = [
  ['invalid_grant', { status: 400, body: { error: 'invalid_grant' } }, 'failed', 'wrong_password'],
  ['unauthorized_client', { status: 401, body: { error: 'unauthorized_client' } }, 'failed', 'wrong_password'],
  ['access_denied', { status: 403, body: { error: 'access_denied' } }, 'failed', 'wrong_password'],
  ['429', { status: 429, body: {} }, 'sending', 'rate_limited'],
  ['500', { status: 500, body: { error: 'internal_failure' } }, 'sending', 'carrier_error'],
  ['500 with a token', { status: 500, body: { access_token: 'a', expires_in: 3_599 } }, 'sending', 'carrier_error'],
  ['a token that is over', { status: 200, body: { access_token: 'a', expires_in: 0 } }, 'sending', 'carrier_error'],
  ['no token', { status: 200, body: { token_type: 'Bearer' } }, 'sending', 'carrier_error'],
  ['a token of two lines', { status: 200, body: { access_token: 'a\nb', expires_in: 9 } }, 'sending', 'carrier_error'],
  ['HTML', HTML, 'sending', 'carrier_error'],
  ['a redirect', ELSEWHERE, 'sending', 'carrier_error'],
  ['nothing, for ever', 'hang', 'sending', 'timeout'],
  ['a reset', 'reset', 'sending', 'unreachable'],
]

for (const [route, outcomes] of Object.entries({ event: OUTCOMES, token: TOKEN_OUTCOMES } as const)) {
  describe(`Google in trouble, where it takes a ${route}`, () => {
    for (const [how, fault, state, reason] of outcomes) {
      test(`and answers ${how}, leaves the receipt ${state}, ${reason}, and no secret in sight`, async () => {
        await using google = await startGoogle()
        google.faults.set(route as 'event' | 'token', fault)
        // For the one that is known by it alone: on a busy machine others might take as long.
        const { logs, ...asked } = fault === 'hang' ? hurried : server
        await using line = await agent(asked, google)
        await write(line, 'Mx1')
        const receipt = await outcomeOf(line, await markRead(line))
        assert.deepEqual([receipt.state, receipt.reason], [state, reason])
        const said = [...logs, JSON.stringify(receipt)].join('\n')
        for (const secret of google.secrets) assert.ok(!said.includes(secret), 'a secret is told')
        assert.ok(!logs.join('\n').includes(CONTACT))
        assert.ok(google.events.length <= 2)
      })
    }
  })
}

describe('Google in trouble', () => {
  test('says so by the line: OFFLINE without a token, with the reason', async () => {
    await using google = await startGoogle()
    google.faults.set('token', { status: 400, body: { error: 'invalid_grant' } })
    await using line = await agent(server, google)
    const { body } = await server.operator.must(200, 'GET', '/operator/lines')
    const state = body.data.find(({ number }: { number: string }) => number === line.number)
    assert.deepEqual([state.line_status, state.reason], ['OFFLINE', 'wrong_password'])
  })

  for (const [how, offMs] of [
    ['later', 3_600_000],
    ['earlier', -3_600_000],
  ] as const) {
    test(`with a time that is ${how} than ours is told as that, and waited for`, async () => {
      await using google = await startGoogle()
      google.clock.offMs = offMs
      await using line = await agent(server, google)
      await write(line, 'Mx1')
      const id = await markRead(line)
      const receipt = await outcomeOf(line, id)
      assert.deepEqual([receipt.state, receipt.reason], ['sending', 'clock_off'])
      google.clock.offMs = 0
      await untilRead(google, 1)
      assert.equal((await line.account.settled(id)).state, 'sent')
    })
  }

  for (const [status, word, state] of [
    [400, 'INVALID_ARGUMENT', 'sent'],
    [403, 'PERMISSION_DENIED', 'failed'],
  ] as const) {
    test(`that answers ${status} to what a try before did not come to leaves the receipt ${state}`, async () => {
      await using google = await startGoogle()
      await using line = await agent(server, google)
      for (const id of ['Mx1', 'Mx2']) await write(line, id)
      const first = google.nextEvent().then(() => google.faults.set('event', refusal(503, 'UNAVAILABLE')))
      const id = await markRead(line)
      await first
      await outcomeOf(line, id)
      google.faults.set('event', refusal(status, word))
      assert.equal((await line.account.settled(id)).state, state)
    })
  }

  test('and so slow that no try comes to all messages goes on where the one before came to', async () => {
    await using google = await startGoogle()
    await using line = await agent(hurried, google)
    for (let message = 1; message <= 31; message++) await write(line, `Mx${message}`)
    google.pace.eventMs = 200
    const id = await markRead(line)
    await untilRead(google, 31)
    const { state, attempts } = await line.account.settled(id)
    assert.equal(state, 'sent')
    // Each try ends with its one timeout, however many calls are in it.
    assert.ok(attempts > 1)
    assert.equal(google.events.filter(({ body }) => body.includes('"Mx31"')).length, 1)
  })

  test('behind a certificate that nobody vouches for is sent nothing', async () => {
    await using google = await startGoogle()
    await using impostor = await serveUntrusted()
    await using line = await agent(server, { ...google, settings: { ...google.settings, base_url: impostor.url } })
    await write(line, 'Mx1')
    const receipt = await outcomeOf(line, await markRead(line))
    assert.deepEqual([receipt.state, receipt.reason, impostor.requests()], ['sending', 'unreachable', 0])
  })

  test('that refuses an older message has taken the newest all the same', async () => {
    await using google = await startGoogle()
    await using line = await agent(server, google)
    for (const id of ['Mx1', 'Mx2']) await write(line, id)
    const first = google.nextEvent().then(() => google.faults.set('event', refusal(400, 'INVALID_ARGUMENT')))
    assert.equal((await marked(line)).state, 'sent')
    await first
    assert.deepEqual([...google.read], [`${CONTACT} Mx2`])
  })

  test('that cannot take an older message now is sent it again, under its own id', async () => {
    await using google = await startGoogle()
    await using line = await agent(server, google)
    for (const id of ['Mx1', 'Mx2']) await write(line, id)
    const first = google.nextEvent().then(() => google.faults.set('event', refusal(503, 'UNAVAILABLE')))
    const id = await markRead(line)
    await first
    assert.equal((await outcomeOf(line, id)).reason, 'carrier_error')
    google.faults.clear()
    await untilRead(google, 2)
    assert.equal((await line.account.settled(id)).state, 'sent')
    assert.deepEqual([...google.read], [`${CONTACT} Mx2`, `${CONTACT} Mx1`])
    assert.equal(new Set(google.events.map(({ eventId }) => eventId)).size, 2)
  })
})
