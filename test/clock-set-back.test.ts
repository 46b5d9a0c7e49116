import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { startCustomerServer } from './support/customer-server.ts'
import { dataFolder } from './support/data-folder.ts'
import { CONTACT, type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

const HOUR_MS = 3_600_000
const OTHER_LINE = '+19175550199'

interface Clock {
  setRight(): void
  /** By less than a receipt's time. */
  setAhead(): void
}

/** A machine's clock that is an hour ahead until it is set right. */
function clockAhead(t: TestContext): Clock {
  const real = Date.now
  let ahead = HOUR_MS
  t.mock.method(Date, 'now', () => real() + ahead)
  return { setRight: () => (ahead = 0), setAhead: () => (ahead = HOUR_MS / 6) }
}

/** While the carrier is away; answers the receipt. */
async function askForBoth(account: Customer): Promise<string> {
  await account.write()
  await account.carrier({ offline: true })
  const message = { number: CONTACT, from_number: LINE, content: 'On its way' }
  await account.must(200, 'POST', '/api/send-message', message)
  const id = await account.markRead()
  const tried = async () => (await account.receipt(id)).attempts
  await until('the carrier to be called', tried, (attempts) => attempts > 0)
  return id
}

async function bothGo(account: Customer, id: string): Promise<void> {
  await account.carrier({ offline: false })
  assert.equal((await account.settled(id)).state, 'sent')
  await until(
    'the message to be shown',
    () => account.phone(),
    (shown) => shown.some(({ from_line }) => from_line),
  )
}

test('what waits goes on where the clock is set back while it does', async (t) => {
  const clock = clockAhead(t)
  await using server = await startReadback()
  const account = await customer(server)
  const id = await askForBoth(account)
  clock.setRight()
  await bothGo(account, id)
})

test('what was asked for before goes on where the clock is set ahead, and back once its carrier was away', async (t) => {
  const clock = clockAhead(t)
  clock.setRight()
  await using server = await startReadback()
  const account = await customer(server)
  const id = await askForBoth(account)
  clock.setAhead()
  const setAheadAt = Date.now()
  // What each is to be tried again at stands in the store, and nothing else tells.
  using store = new DatabaseSync(join(server.dataDir, 'readback.db'))
  const tried = store.prepare(`select min(next_attempt_at) as at from (select next_attempt_at from receipts
    union all select next_attempt_at from messages where outbound = 1)`)
  await until(
    'both to be tried ahead of their time',
    () => tried.get()?.at as number,
    (at) => at > setAheadAt,
  )
  clock.setRight()
  await bothGo(account, id)
})

test('a pause begins anew where the clock is set back in it, and is none the shorter', async (t) => {
  const clock = clockAhead(t)
  await using server = await startReadback()
  const account = await customer(server, { auto: true, lines: [OTHER_LINE] })
  const timing = { mode: 'after', delay_s: HOUR_MS / 1_000 }
  await account.must(200, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing: timing })
  await account.write()
  clock.setRight()
  const rightAt = Date.now()
  const other = await customer(server)
  await other.write()
  await other.settled(await other.markRead())
  const [paused] = (await account.must(200, 'GET', '/readback/v1/receipts')).body.data
  const from = Date.parse(paused.next_attempt_at) - HOUR_MS
  assert.ok(from >= rightAt && from <= Date.now(), paused.next_attempt_at)
})

test('what was left waiting goes on where the clock is set back before the next start', async (t) => {
  const clock = clockAhead(t)
  await using folder = await dataFolder()
  await using endpoint = await startCustomerServer()
  endpoint.answer = (_, response) => response.writeHead(500).end()
  await using first = await startReadback({ READBACK_DATA_DIR: folder.path })
  const before = await customer(first)
  await before.must(200, 'POST', '/api/account/webhooks', { webhooks: [endpoint.url], type: 'receive' })
  const id = await askForBoth(before)
  await endpoint.at(0)
  await first.stop()
  clock.setRight()
  await using second = await startReadback({ READBACK_DATA_DIR: folder.path })
  const account = enter(second.base, before.accountId, before.keys)
  await bothGo(account, id)
  await endpoint.at(1)
})
