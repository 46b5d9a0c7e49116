import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { type Client, client } from './support/client.ts'
import { CONTACT, type Customer, customer, LINE } from './support/readback.ts'
import { shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

interface Place {
  readonly number: string
  readonly from_number: string
}

const at = (number: string): Place => ({ number, from_number: LINE })

function show(by: Client, place: Place, more: object = {}) {
  return by.call('POST', '/api/send-typing-indicator', { ...place, ...more })
}

function shows(account: Customer, place: Place, more: object = {}) {
  return account.must(200, 'POST', '/api/send-typing-indicator', { ...place, ...more })
}

async function isShown(account: Customer, place: Place): Promise<boolean> {
  return (await account.must(200, 'GET', `/simulator/handset?${new URLSearchParams({ ...place })}`)).body.typing
}

function ended(account: Customer, place: Place): Promise<boolean> {
  return until(
    'it to end by itself',
    () => isShown(account, place),
    (shown) => !shown,
  )
}

describe('that a line types', () => {
  const server = shareReadback()
  let account: Customer
  before(async () => {
    account = await customer(server)
  })

  test('is shown until it sends, or stops', async () => {
    const place = at('+14155550144')
    assert.equal(await isShown(account, place), false)
    assert.deepEqual((await shows(account, place)).body, { status: 'SENT', number: place.number, error_message: null })
    assert.equal(await isShown(account, place), true)
    await shows(account, place, { state: 'stop' })
    assert.equal(await isShown(account, place), false)
    await shows(account, place, { state: 'start' })
    await account.must(200, 'POST', '/api/send-message', { ...place, content: 'Hi' })
    await ended(account, place)
    await account.carrier({ offline: true })
    const away = (await shows(account, place)).body
    await account.carrier({ offline: false })
    assert.deepEqual([away.status, typeof away.error_message], ['ERROR', 'string'])
  })

  test('is shown for as long as the last call says, whatever the calls before it said', async () => {
    const [renewed, stopped, other] = [at('+14155550145'), at('+14155550146'), at('+14155550147')]
    const shortly = { max_duration_ms: 300 }
    await shows(account, renewed, shortly)
    await shows(account, stopped, shortly)
    await shows(account, renewed)
    await shows(account, stopped, { state: 'stop' })
    await shows(account, stopped)
    await shows(account, other, shortly)
    // One that began later.
    await ended(account, other)
    assert.deepEqual([await isShown(account, renewed), await isShown(account, stopped)], [true, true])
  })

  test('is shown for as long as a call says that was on its way when the one before it ended', async () => {
    const place = at('+14155550148')
    await shows(account, place, { max_duration_ms: 300 })
    await account.carrier({ latency_ms: 600 })
    await shows(account, place, { max_duration_ms: 2_000 })
    const shownAt = performance.now()
    await account.carrier({ latency_ms: 0 })
    await ended(account, place)
    const ms = performance.now() - shownAt
    // And not when the first would have ended.
    assert.ok(ms > 1_000, `it ended after ${ms} ms`)
  })

  test('is shown for as long as the last call says, whatever others ask of it who may not', async () => {
    const place = at('+14155550149')
    const other = await customer(server, { lines: [] })
    assert.equal((await show(account, place, { max_duration_ms: 300 })).body.status, 'SENT')
    await account.carrier({ latency_ms: 600 })
    let over = false
    const renewed = show(account, place, { max_duration_ms: 2_000 }).finally(() => (over = true))
    while (!over) assert.notEqual((await show(other, place, { max_duration_ms: 1 })).status, 200)
    const shownAt = performance.now()
    assert.equal((await renewed).body.status, 'SENT')
    await account.carrier({ latency_ms: 0 })
    await ended(account, place)
    const ms = performance.now() - shownAt
    // And not when the first would have ended.
    assert.ok(ms > 1_000, `it ended after ${ms} ms`)
  })

  test('is shown for as long as a call says, though its token is over before', async () => {
    const place = at('+14155550150')
    const { token, token_id } = (await account.must(201, 'POST', '/v3/auth/tokens', {})).body
    const holder = client(server.base, { authorization: `Bearer ${token}` })
    assert.equal((await show(holder, place, { max_duration_ms: 500 })).body.status, 'SENT')
    await account.must(204, 'DELETE', `/v3/auth/tokens/${token_id}`)
    await ended(account, place)
  })

  test('is not begun to be shown on a paused line, but ended there', async () => {
    const pause = (paused: boolean) =>
      server.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(LINE)}`, { paused })
    await pause(true)
    const place = at(CONTACT)
    const error_message = 'The operator paused the line.'
    assert.deepEqual((await shows(account, place)).body, { status: 'ERROR', number: CONTACT, error_message })
    assert.equal(await isShown(account, place), false)
    await pause(false)
    await shows(account, place)
    await pause(true)
    assert.equal((await shows(account, place, { state: 'stop' })).body.status, 'SENT')
    assert.equal(await isShown(account, place), false)
    await pause(false)
  })

  test('is refused with the name of the field that is wrong', async () => {
    for (const change of [
      { number: 7 },
      { from_number: 'x' },
      { state: 'maybe' },
      { max_duration_ms: 0 },
      { max_duration_ms: 60_001 },
      { max_duration_ms: 'long' },
    ]) {
      const answer = await show(account, at(CONTACT), change)
      assert.equal(answer.status, 400)
      assert.ok(answer.body.message.includes(Object.keys(change)[0]), answer.body.message)
    }
  })
})
