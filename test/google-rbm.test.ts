import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Fault, serveUntrusted } from './support/carrier.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { refusal, signedHook, startGoogle, textFrom } from './support/google.ts'
import { agent, call, marked, markRead, outcomeOf, untilRead, write } from './support/google-agent.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, enter } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

const server = shareReadback()
/** Lets Google take half a second for an answer. */
const hurried = shareReadback({ READBACK_CARRIER_TIMEOUT_S: '0.5' })

describe('a line that is an agent of RCS for Business', () => {
  test('marks each unread message, the newest first, in Google’s own words', async () => {
    await using google = await startGoogle()
    await using line = await agent(server, google)
    for (const id of ['Mx1', 'Mx2', 'Mx3']) await write(line, id)
    assert.equal((await marked(line)).state, 'sent')
    assert.deepEqual(
      google.events.map(({ body }) => body),
      ['Mx3', 'Mx2', 'Mx1'].map((id) => `{"eventType":"READ","messageId":"${id}"}`),
    )
    for (const { requestLine, eventId } of google.events) {
      const expected = `POST /v1/phones/+14155551234/agentEvents?eventId=${eventId}&agentId=coffee_shop_agent HTTP/1.1`
      assert.equal(requestLine, expected)
      assert.match(eventId, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }
    assert.equal(new Set(google.events.map(({ eventId }) => eventId)).size, 3)
    // What was read stays so: then the newest alone is marked again, under the id it had.
    await marked(line)
    assert.deepEqual(google.events[3], google.events[0])
    assert.equal(google.events.length, 4)
  })

  test('marks fifty messages and no more, of more that are unread', async () => {
    await using google = await startGoogle()
    await using line = await agent(server, google)
    for (let message = 1; message <= 60; message++) await write(line, `Mx${message}`)
    await marked(line)
    const ids = google.events.map(({ body }) => Number(JSON.parse(body).messageId.slice(2)))
    assert.equal(ids[0], 60)
    assert.deepEqual(
      ids.toSorted((a, b) => b - a),
      Array.from({ length: 50 }, (_, index) => 60 - index),
    )
  })

  test('asks for one token for 100 receipts, and for another once Google refuses it', async () => {
    await using google = await startGoogle()
    await using line = await agent(server, google)
    const contacts = Array.from({ length: 100 }, (_, index) => `+14155550${100 + index}`)
    for (const contact of contacts) await write(line, 'the same id', contact)
    const ids = await Promise.all(contacts.map((contact) => markRead(line, contact)))
    await untilRead(google, 100)
    for (const id of ids) assert.equal((await line.account.settled(id)).state, 'sent')
    assert.deepEqual([google.read.size, google.tokenRequests()], [100, 1])
    google.revoke()
    assert.equal((await marked(line, contacts[0])).state, 'sent')
    assert.equal(google.tokenRequests(), 2)
  })

  test('gives an event the same id on every try, after kill -9 too', async () => {
    await using google = await startGoogle()
    await using folder = await dataFolder()
    const env = { READBACK_CARRIER_TIMEOUT_S: '0.5' }
    await using first = await startProcess({ dataDir: folder.path, env })
    const line = await agent(first, google)
    await write(line, 'Mx1')
    google.faults.set('event', 'hang')
    const id = await markRead(line)
    await until(
      'a second try',
      () => google.events.length,
      (tries) => tries >= 2,
    )
    await first.end('SIGKILL')
    google.faults.clear()
    await using second = await startProcess({ dataDir: folder.path, env })
    const again = enter(second.base, line.account.accountId, line.account.keys)
    assert.equal((await again.settled(id)).state, 'sent')
    assert.ok(google.events.length >= 3)
    assert.equal(new Set(google.events.map(({ requestLine }) => requestLine)).size, 1)
  })

  test('shakes hands with the right client token alone', async () => {
    await using google = await startGoogle()
    await using line = await agent(server, google)
    const shaken = await call(line, {
      headers: {},
      body: { clientToken: google.settings.client_token, secret: '1234567890' },
    })
    assert.deepEqual([shaken.status, await shaken.text()], [200, '1234567890'])
    assert.match(shaken.headers.get('content-type') ?? '', /^text\/plain/)
    const refused = await call(line, { headers: {}, body: { clientToken: 'wrong', secret: '1234567890' } })
    assert.equal(refused.status, 401)
    assert.ok(!(await refused.text()).includes('1234567890'))
  })

  test('takes what Google signed, once, and refuses all else with a warning', async () => {
    const logged = server.logs.length
    await using google = await startGoogle()
    await using line = await agent(server, google)
    const right = signedHook(textFrom(CONTACT, 'Mx1'))
    const wrong = signedHook(textFrom(CONTACT, 'Mx1'), 'another token')
    const tampered = { ...right, body: signedHook(textFrom(CONTACT, 'Mx2')).body }
    for (const hook of [wrong, tampered, { ...right, headers: {} }, { ...right, body: {} }]) {
      assert.equal((await call(line, hook)).status, 401)
    }
    assert.equal(server.logs.slice(logged).filter((line) => line.includes('"level":40')).length, 4)
    // Nobody has written so far.
    const early = await marked(line)
    assert.deepEqual([early.state, early.reason], ['skipped', 'no_conversation'])
    for (const _ of [1, 2]) assert.equal((await call(line, right)).status, 200)
    // RCS is never marked by itself.
    assert.equal((await line.account.must(200, 'GET', '/readback/v1/receipts')).body.data.length, 1)
    await marked(line)
    assert.deepEqual([...google.read], [`${CONTACT} Mx1`])
  })

  test('takes messages of every kind, and neither events nor another agent’s', async () => {
    await using google = await startGoogle()
    await using line = await agent(server, google)
    const kinds = [
      { userFile: { payload: { fileUri: 'https://files.example.com/\x001', mimeType: 'image/png' } } },
      { location: { latitude: 37.4, longitude: -122.1 } },
      { location: { latitude: 51.47 } },
      { suggestionResponse: { postbackData: 'yes', text: 'Yes', type: 'REPLY' } },
    ]
    for (const [index, kind] of kinds.entries())
      await write(line, `kind ${index}`, CONTACT, { text: undefined, ...kind })
    await write(line, 'another agent’s', CONTACT, { agentId: 'tea_shop@rbm.goog' })
    for (const eventType of ['DELIVERED', 'READ', 'IS_TYPING', 'SUBSCRIBE', 'UNSUBSCRIBE', 'NEW_ONE']) {
      await write(line, `event ${eventType}`, CONTACT, { text: undefined, eventType })
    }
    await write(line, 'of a kind to come', CONTACT, { text: undefined, hologram: {} })
    await marked(line)
    assert.deepEqual(
      [...google.read].sort(),
      [0, 1, 2, 3].map((index) => `${CONTACT} kind ${index}`),
    )
    const { data } = (await line.account.must(200, 'GET', '/api/v2/messages')).body
    const files = data.flatMap(({ media_url }: { media_url: string }) => media_url || [])
    assert.deepEqual(files, ['https://files.example.com/1'])
  })

  test('hears that a contact types, and tells it', async () => {
    await using google = await startGoogle()
    await using sink = await startCustomerServer()
    await using line = await agent(server, google)
    await line.account.must(200, 'POST', '/api/account/webhooks', { webhooks: [sink.url], type: 'typing_indicator' })
    await write(line, 'typing', CONTACT, { text: undefined, eventType: 'IS_TYPING' })
    const told = JSON.parse((await sink.at(0)).body)
    assert.deepEqual([told.number, told.sendblue_number, told.is_typing], [CONTACT, line.number, true])
    const given = { number: CONTACT, from_number: line.number, content: 'Hi' }
    const refused = await line.account.call('POST', '/api/send-message', given)
    assert.deepEqual([refused.status, refused.body.message], [400, 'The from_number cannot send messages'])
    const place = { number: CONTACT, from_number: line.number }
    const shown = await line.account.call('POST', '/api/send-typing-indicator', place)
    assert.deepEqual([shown.status, shown.body.message], [400, 'The from_number cannot show that it types'])
  })

  test('answers 200 or 400 to whatever is signed', async (t) => {
    await using google = await startGoogle()
    await using line = await agent(server, google)
    const seed = Date.now() & 0x7fffffff
    t.diagnostic(`seed ${seed}`)
    const whole = textFrom(CONTACT, 'Mx1')
    const bent = fc
      .tuple(fc.constantFrom(...Object.keys(whole)), fc.jsonValue())
      .map(([name, value]) => ({ ...whole, [name]: value }))
    const property = fc.asyncProperty(fc.oneof(fc.jsonValue(), bent), async (data) => {
      const { status } = await call(line, signedHook(data))
      assert.ok(status === 200 || status === 400, String(status))
    })
    await fc.assert(property, { seed, numRuns: 200 })
  })
})

const HTML = { status: 200, body: '<html></html>' }
const ELSEWHERE = { status: 302, body: '', headers: { location: 'http://127.0.0.1:1/' } }

const OUTCOMES: readonly (readonly [how: string, fault: Fault, state: string, reason: string])[] = [
  ['400', refusal(400, 'INVALID_ARGUMENT'), 'failed', 'rejected'],
  ['401 again', refusal(401, 'UNAUTHENTICATED'), 'failed', 'wrong_password'],
  ['403', refusal(403, 'PERMISSION_DENIED'), 'failed', 'access_denied'],
  ['404 NOT_FOUND', refusal(404, 'NOT_FOUND'), 'skipped', 'no_rcs'],
  ['404 of something else', { status: 404, body: '<html></html>' }, 'sending', 'carrier_error'],
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
  ['429', { status: 429, body: {} }, 'sending', 'rate_limited'],
  ['500', { status: 500, body: { error: 'internal_failure' } }, 'sending', 'carrier_error'],
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
        await using line = await agent(hurried, google)
        await write(line, 'Mx1')
        const receipt = await outcomeOf(line, await markRead(line))
        assert.deepEqual([receipt.state, receipt.reason], [state, reason])
        const said = [...hurried.logs, JSON.stringify(receipt)].join('\n')
        for (const secret of google.secrets) assert.ok(!said.includes(secret), 'a secret is told')
        assert.ok(!hurried.logs.join('\n').includes(CONTACT))
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

  test('with another time than ours is told as that, and waited for', async () => {
    await using google = await startGoogle()
    google.clock.offMs = 3_600_000
    await using line = await agent(server, google)
    await write(line, 'Mx1')
    const id = await markRead(line)
    const receipt = await outcomeOf(line, id)
    assert.deepEqual([receipt.state, receipt.reason], ['sending', 'clock_off'])
    google.clock.offMs = 0
    await untilRead(google, 1)
    assert.equal((await line.account.settled(id)).state, 'sent')
  })

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
    assert.equal((await line.account.settled(id)).state, 'sent')
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
