import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { signedHook, startGoogle, textFrom } from './support/google.ts'
import { agent, call, marked, markRead, untilRead, write } from './support/google-agent.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, enter } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

const server = shareReadback()

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
    assert.equal(new Set(google.events.map(({ eventId }) => eventId)).size, 100)
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

  test('gives the events of one message at two agents an id each', async () => {
    await using google = await startGoogle()
    await using coffee = await agent(server, google)
    await using tea = await agent(server, { ...google, settings: { ...google.settings, agent_id: 'tea_shop' } })
    for (const [line, agentId] of [
      [coffee, 'coffee_shop_agent'],
      [tea, 'tea_shop'],
    ] as const) {
      await write(line, 'Mx1', CONTACT, { agentId })
      await marked(line)
    }
    assert.equal(new Set(google.events.map(({ eventId }) => eventId)).size, 2)
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
    const endless = { clientToken: google.settings.client_token, secret: 'x'.repeat(1_025) }
    assert.equal((await call(line, { headers: {}, body: endless })).status, 401)
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
      { location: { longitude: -78.5 } },
      { suggestionResponse: { postbackData: 'yes', text: 'Yes', type: 'REPLY' } },
      { suggestionResponse: { postbackData: 'No', type: 'ACTION' } },
      { suggestionResponse: {} },
      { text: 'A\0B' },
    ]
    for (const [index, kind] of kinds.entries())
      await write(line, `kind ${index}`, CONTACT, { text: undefined, ...kind })
    await write(line, 'another agent’s', CONTACT, { agentId: 'tea_shop@rbm.goog' })
    for (const eventType of ['DELIVERED', 'READ', 'IS_TYPING', 'SUBSCRIBE', 'UNSUBSCRIBE', 'NEW_ONE']) {
      await write(line, `event ${eventType}`, CONTACT, { text: undefined, eventType })
    }
    await write(line, 'of no number', '22395')
    await write(line, 'of a kind to come', CONTACT, { text: undefined, hologram: {} })
    await marked(line)
    assert.deepEqual(
      [...google.read].sort(),
      kinds.map((_, index) => `${CONTACT} kind ${index}`),
    )
    const { data } = (await line.account.must(200, 'GET', '/api/v2/messages')).body
    const files = data.flatMap(({ media_url }: { media_url: string }) => media_url || [])
    assert.deepEqual(files, ['https://files.example.com/1'])
    assert.deepEqual(
      data.map(({ content }: { content: string }) => content),
      ['AB', '', 'No', 'Yes', 'geo:0,-78.5', 'geo:51.47,0', 'geo:37.4,-122.1', ''],
    )
  })

  test('hears that a contact types, and tells it', async () => {
    await using google = await startGoogle()
    await using sink = await startCustomerServer()
    await using line = await agent(server, google)
    await line.account.must(200, 'POST', '/api/account/webhooks', { webhooks: [sink.url], type: 'typing_indicator' })
    const typing = { text: undefined, eventType: 'IS_TYPING' }
    await write(line, 'another agent’s', '+14155550102', { ...typing, agentId: 'tea_shop@rbm.goog' })
    await write(line, 'read', '+14155550103', { ...typing, eventType: 'READ' })
    await write(line, 'typing', CONTACT, typing)
    const told = JSON.parse((await sink.at(0)).body)
    assert.deepEqual([told.number, told.sendblue_number, told.is_typing], [CONTACT, line.number, true])
    const given = { number: CONTACT, from_number: line.number, content: 'Hi' }
    const refused = await line.account.call('POST', '/api/send-message', given)
    assert.deepEqual([refused.status, refused.body.message], [400, 'The from_number cannot send messages'])
    const place = { number: CONTACT, from_number: line.number }
    const shown = await line.account.call('POST', '/api/send-typing-indicator', place)
    assert.deepEqual([shown.status, shown.body.message], [400, 'The from_number cannot show that it types'])
  })

  test('knows a message’s time in any zone, and takes none without one', async () => {
    await using google = await startGoogle()
    await using line = await agent(server, google)
    for (const sendTime of ['yesterday', '2026-02-30T10:00:00Z']) {
      const { status } = await call(line, signedHook(textFrom(CONTACT, 'Mx1', { sendTime })))
      assert.equal(status, 400)
    }
    // As Google has it: to the microsecond.
    await write(line, 'Mx2', CONTACT, { sendTime: '2026-03-03T10:00:00.123456Z' })
    await write(line, 'Mx3', CONTACT, { sendTime: '2026-03-03T12:00:00+01:00' })
    const { data } = (await line.account.must(200, 'GET', '/api/v2/messages')).body
    const times = data.map(({ date_sent }: { date_sent: string }) => date_sent)
    assert.deepEqual(times, ['2026-03-03T11:00:00.000Z', '2026-03-03T10:00:00.123Z'])
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
