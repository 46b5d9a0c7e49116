import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type Answer, type Fault, misbehave, send, serveCarrier } from './support/carrier.ts'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, enter, startReadback } from './support/readback.ts'
import { KEYS, type Relay, receive, relay, SIGNING_SECRET } from './support/relay.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

const here = shareReadback()

describe('a line that lives at another server of this API', () => {
  test('takes a 202 with a handle for a message that is on its way, and hears of it in the words of its documentation', async () => {
    await using original = await serveCarrier(async (_, response) =>
      send(response, { status: 202, body: { status: 'QUEUED', message_handle: 'handle-there' } }),
    )
    const { account, line, inboundUrl } = await relay(here, ownLine(), { ...KEYS, base_url: original.url })
    const message = { number: CONTACT, from_number: line, content: 'Hello world!' }
    const { message_handle } = (await account.must(200, 'POST', '/api/send-message', message)).body
    const becomes = (wanted: string) =>
      until(
        `it to be ${wanted}`,
        async () => (await account.must(200, 'GET', `/api/status?handle=${message_handle}`)).body,
        ({ status }) => status === wanted,
      )
    await becomes('SENT')
    const now = new Date().toISOString()
    const told = {
      content: 'Hello world!',
      is_outbound: true,
      status: 'DELIVERED',
      error_code: null,
      error_message: null,
    }
    const when = { date_sent: now, date_updated: now, was_downgraded: false, plan: 'blue' }
    const who = { message_handle: 'handle-there', from_number: line, number: CONTACT, to_number: CONTACT }
    const headers = { 'content-type': 'application/json', 'sb-signing-secret': SIGNING_SECRET }
    const body = JSON.stringify({ ...told, ...who, ...when })
    assert.equal((await fetch(inboundUrl, { method: 'POST', headers, body })).status, 200)
    await becomes('DELIVERED')
  })

  for (const [how, status, handle, code] of [
    ['at once', 'DECLINED', 'declined there', 202],
    ['at once, without a handle', 'ERROR', null, 202],
    ['at once, with an empty handle', 'ERROR', '', 202],
    ['at once, with a status that says so, too', 'DECLINED', 'declined there', 500],
    ['later', 'QUEUED', 'declined there', 202],
  ] as const) {
    test(`ends a message that is declined there ${how}`, async () => {
      await using original = await serveCarrier(async (_, response) =>
        send(response, { status: code, body: { status, message_handle: handle } }),
      )
      const relayed = await relay(here, ownLine(), { ...KEYS, base_url: original.url })
      const { account, line } = relayed
      const message = { number: CONTACT, from_number: line, content: 'Hello world!' }
      const { message_handle } = (await account.must(200, 'POST', '/api/send-message', message)).body
      const look = async () => (await account.must(200, 'GET', `/api/status?handle=${message_handle}`)).body
      await until('an outcome', look, (seen) => seen.status !== 'QUEUED')
      const told = { message_handle: 'declined there', is_outbound: true, status: 'DECLINED' }
      await receive(relayed, { ...told, from_number: line, to_number: CONTACT })
      const ended = await look()
      assert.deepEqual([ended.status, ended.error_reason], ['ERROR', 'rejected'])
    })
  }
})

const TAKEN: Answer = { status: 202, body: { status: 'QUEUED', message_handle: 'handle-there' } }

/** Each of them may come from who has the message. */
const PERHAPS: readonly (readonly [string, Fault])[] = [
  ['500', { status: 500, body: { status: 'ERROR', message: 'Out of order' } }],
  ['500 with a handle', { status: 500, body: { status: 'QUEUED', message_handle: 'handle-there' } }],
  ['200 without a handle', { status: 200, body: { status: 'OK' } }],
  ['HTML', { status: 200, body: '<html></html>' }],
  ['403 in a proxy’s HTML', { status: 403, body: '<html></html>' }],
  ['nothing, for ever', 'hang'],
  ['a reset', 'reset'],
  ['half an answer', 'cut-short'],
]

// At once: what takes their time is the second until a carrier that failed is tried again.
describe('a message to a line at another server of this API', { concurrency: true }, () => {
  const hasty = shareReadback({ READBACK_CARRIER_TIMEOUT_S: '0.5' })

  const lineAt = (url: string, at = here) => relay(at, ownLine(), { ...KEYS, base_url: url })

  async function outcome({ account, line }: Relay) {
    const given = { number: CONTACT, from_number: line, content: 'Hi' }
    const { message_handle } = (await account.must(200, 'POST', '/api/send-message', given)).body
    return until(
      'an outcome',
      async () => (await account.must(200, 'GET', `/api/status?handle=${message_handle}`)).body,
      ({ status }) => status !== 'QUEUED',
    )
  }

  for (const [how, fault] of PERHAPS) {
    test(`is never sent again where that answers ${how}: it ends ERROR, outcome_unknown`, async () => {
      await using there = await serveCarrier(async (_, response) =>
        typeof fault === 'string' ? misbehave(fault, response) : send(response, fault),
      )
      // For the one that is known by it alone: on a busy machine others might take as long.
      const { status, error_reason } = await outcome(await lineAt(there.url, fault === 'hang' ? hasty : here))
      assert.deepEqual([status, error_reason], ['ERROR', 'outcome_unknown'])
    })
  }

  for (const [how, first] of [
    ['429', { status: 429, body: { status: 'ERROR', message: 'Later' } }],
    ['503', { status: 503, body: { status: 'ERROR', message: 'Later' } }],
    ['401 in a proxy’s HTML', { status: 401, body: '<html></html>' }],
  ] as const) {
    test(`is sent again where that answers ${how}, and so has not read it`, async () => {
      const answers: Answer[] = [first, TAKEN]
      await using there = await serveCarrier(async ({ method }, response) =>
        send(response, (method === 'POST' && answers.shift()) || { status: 500, body: {} }),
      )
      assert.equal((await outcome(await lineAt(there.url))).status, 'SENT')
    })
  }

  test('is not in doubt for another’s sake: those behind one that may have been sent wait until that is well again', async () => {
    let firstAt: number | undefined
    await using there = await serveCarrier(async ({ url }, response) => {
      if (url === '/api/send-message') firstAt ??= performance.now()
      const isWell = performance.now() - (firstAt ?? 0) > 900
      send(response, isWell ? TAKEN : { status: 502, body: 'Bad Gateway' })
    })
    const { account, line } = await lineAt(there.url)
    const given = { number: CONTACT, from_number: line, content: 'Hi' }
    await Promise.all(Array.from({ length: 5 }, () => account.must(200, 'POST', '/api/send-message', given)))
    const statuses = await until(
      'none to wait',
      async () => {
        const { data } = (await account.must(200, 'GET', '/api/v2/messages?order_direction=asc')).body
        return data.map(({ status }: { status: string }) => status)
      },
      (seen) => !seen.includes('QUEUED'),
    )
    assert.deepEqual(statuses, ['ERROR', 'SENT', 'SENT', 'SENT', 'SENT'])
  })

  test('waits while nobody listens there, who could have it', async () => {
    const { account, line } = await lineAt('http://127.0.0.1:9')
    const given = { number: CONTACT, from_number: line, content: 'Hi' }
    const { message_handle } = (await account.must(200, 'POST', '/api/send-message', given)).body
    const { status, error_reason } = await until(
      'an obstacle',
      async () => (await account.must(200, 'GET', `/api/status?handle=${message_handle}`)).body,
      (seen) => seen.error_reason !== null,
    )
    assert.deepEqual([status, error_reason], ['QUEUED', 'unreachable'])
  })

  test('is DELIVERED at once where that says so', async () => {
    await using there = await serveCarrier(async (_, response) =>
      send(response, { status: 200, body: { status: 'DELIVERED', message_handle: 'handle-there' } }),
    )
    assert.equal((await outcome(await lineAt(there.url))).status, 'DELIVERED')
  })
})

/** More than a lane ends with one look. */
const MANY = 501

test('of many messages that are too late when a server starts all end, and none goes out', async () => {
  await using folder = await dataFolder()
  const env = { READBACK_MESSAGE_TTL_S: '240' }
  const calls: string[] = []
  await using there = await serveCarrier(async ({ url = '' }, response) => {
    calls.push(url)
    send(response, { status: 503, body: {} })
  })
  await using before = await startReadback({ ...env, READBACK_DATA_DIR: folder.path })
  const { account, line } = await relay(before, ownLine(), { ...KEYS, base_url: there.url })
  const given = { number: CONTACT, from_number: line, content: 'Hi' }
  await Promise.all(Array.from({ length: MANY }, () => account.must(200, 'POST', '/api/send-message', given)))
  await before.stop()
  calls.length = 0
  const ahead = join(import.meta.dirname, 'support/clock-ahead.mjs')
  await using after = await startProcess({ dataDir: folder.path, env: { ...env, NODE_OPTIONS: `--import ${ahead}` } })
  const later = enter(after.base, account.accountId, account.keys)
  await until(
    'all to end',
    async () => (await later.must(200, 'GET', '/api/v2/messages?status=ERROR&limit=1')).body.pagination.total,
    (total) => total === MANY,
  )
  assert.ok(!calls.includes('/api/send-message'))
})
