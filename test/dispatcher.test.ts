import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { dataFolder, startProcess } from './support/process.ts'
import { CONTACT, customer, enter, LINE, type Readback, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

const LINES = Array.from({ length: 20 }, (_, index) => `+1917555${String(100 + index).padStart(4, '0')}`)

async function pause(server: Pick<Readback, 'operator'>, paused: boolean): Promise<void> {
  await server.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(LINE)}`, { paused })
}

describe('the dispatcher', () => {
  test('lets no line wait for another: 19 are sent while the call of the 20th hangs', async () => {
    await using server = await startReadback()
    const account = await customer(server, { lines: LINES })
    const [hanging = '', ...others] = LINES
    for (const line of LINES) await account.write({ to_number: line })
    await account.must(200, 'PUT', '/simulator/carrier', { from_number: hanging, latency_ms: 3_000 })
    const hung = await account.markRead(CONTACT, hanging)
    await until(
      'the call to hang',
      () => account.receipt(hung),
      ({ state }) => state === 'sending',
    )
    const ids = await Promise.all(others.map((line) => account.markRead(CONTACT, line)))
    const sent = await Promise.all(ids.map((id) => account.settled(id)))
    assert.deepEqual(new Set(sent.map(({ state }) => state)), new Set(['sent']))
    assert.equal((await account.receipt(hung)).state, 'sending')
    assert.equal((await account.settled(hung)).state, 'sent')
  })

  test('tries a carrier that failed again, with a second between, until it takes it', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    await account.write()
    await account.carrier({ fail_next: 1 })
    const id = await account.markRead()
    const failed = await until(
      'the first try',
      () => account.receipt(id),
      ({ attempts }) => attempts === 1,
    )
    assert.deepEqual([failed.state, failed.reason], ['sending', 'carrier_error'])
    const receipt = await account.settled(id)
    assert.deepEqual([receipt.state, receipt.attempts, receipt.reason], ['sent', 2, null])
  })

  test('gives up one conversation that always fails, while the others of its line are sent', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    await account.write()
    using database = new DatabaseSync(join(server.dataDir, 'readback.db'))
    database.exec(`create trigger poison before update of read_at on handset_messages
      when new.contact = '${CONTACT}' begin select raise(abort, 'poisoned'); end`)
    const poisoned = await account.markRead()
    for (let round = 0; (await account.receipt(poisoned)).settled_at === null; round++) {
      const other = `+1415${5_550_100 + round}`
      await account.write({ number: other })
      assert.equal((await account.settled(await account.markRead(other))).state, 'sent')
      assert.notEqual((await account.phone(other))[0]?.read_at, null)
    }
    const { state, reason, attempts } = await account.receipt(poisoned)
    assert.deepEqual([state, reason], ['failed', 'carrier_error'])
    assert.ok(attempts >= 5, `${attempts} attempts`)
  })

  test('expires what no carrier took in time, and says what stood in the way', async () => {
    await using server = await startReadback({ READBACK_RECEIPT_TTL_S: '1' })
    const account = await customer(server)
    await account.carrier({ offline: true })
    const receipt = await account.settled(await account.markRead())
    assert.deepEqual([receipt.state, receipt.reason], ['expired', 'unreachable'])
    await pause(server, true)
    const paused = await account.settled(await account.markRead())
    assert.deepEqual([paused.state, paused.reason], ['expired', 'line_paused'])
  })

  test('leaves a paused line alone, says so of what waits, and goes on when it may', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    await account.write()
    await pause(server, true)
    const id = await account.markRead()
    await account.settled(await account.markRead('+14155550100', await anotherLine(server, account.accountId)))
    const { state, reason } = await account.receipt(id)
    assert.deepEqual([state, reason], ['queued', 'line_paused'])
    await pause(server, false)
    const sent = await account.settled(id)
    assert.deepEqual([sent.state, sent.reason], ['sent', null])
  })

  test('keeps the pace that the carrier sets', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    await account.carrier({ pace_per_s: 20 })
    // The first tells the lane its pace.
    await account.settled(await account.markRead('+14155550199'))
    const startedAt = performance.now()
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, index) => account.markRead(`+1415${5_550_100 + index}`)),
    )
    await Promise.all(ids.map((id) => account.settled(id)))
    assert.ok(performance.now() - startedAt >= 900, '20 receipts at 20 a second took less than 0.9 s')
  })

  test('finishes the call under way on SIGTERM, claims nothing more, and leaves the rest to the next start', async () => {
    await using folder = await dataFolder()
    const first = await startProcess({ dataDir: folder.path })
    const account = await customer(first)
    await account.carrier({ latency_ms: 500, pace_per_s: 1 })
    const ids = [await account.markRead('+14155550100'), await account.markRead('+14155550101')]
    await until(
      'a call to be under way',
      () => account.receipt(ids[0] ?? ''),
      ({ state }) => state === 'sending',
    )
    assert.equal(await first.end('SIGTERM'), 0)
    await using second = await startProcess({ dataDir: folder.path })
    const again = enter(second.base, account.accountId, account.keys)
    const finished = await again.receipt(ids[0] ?? '')
    assert.deepEqual([finished.state, finished.attempts], ['sent', 1])
    assert.equal((await again.settled(ids[1] ?? '')).state, 'sent')
  })
})

async function anotherLine(server: Readback, accountId: string): Promise<string> {
  const number = '+19175550199'
  await server.operator.must(201, 'POST', `/operator/accounts/${accountId}/lines`, { number, connector: 'simulator' })
  return number
}
