import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { dataFolder } from './support/data-folder.ts'
import { listen } from './support/event-reader.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, type Customer, customer, enter, LINE, type Readback, startReadback } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'

/** To ask until a receipt is settled costs more than to send it: where that takes a second or more, the event stream tells. */
const SETTLED = '?types=receipt.sent,receipt.expired'

async function pause({ operator }: Pick<Readback, 'operator'>, line: string, paused: boolean): Promise<void> {
  await operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(line)}`, { paused })
}

describe('the dispatcher', () => {
  const server = shareReadback()

  /** A new account, with one line. */
  async function newcomer(): Promise<{ account: Customer; line: string }> {
    const line = ownLine()
    return { account: await customer(server, { lines: [line] }), line }
  }

  test('lets no line wait for another: 19 are sent while the call of the 20th hangs', async () => {
    const all = Array.from({ length: 20 }, ownLine)
    const account = await customer(server, { lines: all })
    await using told = await listen(server.base, account.keys, SETTLED)
    const [hanging = '', ...others] = all
    for (const line of all) await account.write({ to_number: line })
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
    await told.at(others.length)
    assert.equal((await account.settled(hung)).state, 'sent')
  })

  test('tries a carrier that failed again, with a second between, until it takes it', async () => {
    const { account, line } = await newcomer()
    await using told = await listen(server.base, account.keys, SETTLED)
    await account.write({ to_number: line })
    await account.carrier({ from_number: line, fail_next: 1 })
    const id = await account.markRead(CONTACT, line)
    const failed = await until(
      'the first try',
      () => account.receipt(id),
      ({ attempts }) => attempts === 1,
    )
    assert.deepEqual([failed.state, failed.reason], ['sending', 'carrier_error'])
    await told.at(0)
    const receipt = await account.settled(id)
    assert.deepEqual([receipt.state, receipt.attempts, receipt.reason], ['sent', 2, null])
  })

  test('gives up one conversation that always fails, while the others of its line are sent', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    await using told = await listen(server.base, account.keys, SETTLED)
    await account.write()
    using database = new DatabaseSync(join(server.dataDir, 'readback.db'))
    database.exec(`create trigger poison before update of read_at on handset_messages
      when new.contact = '${CONTACT}' begin select raise(abort, 'poisoned'); end`)
    const poisoned = await account.markRead()
    for (let round = 0; (await account.receipt(poisoned)).settled_at === null; round++) {
      const other = `+1415${5_550_100 + round}`
      await account.write({ number: other })
      const id = await account.markRead(other)
      await told.at(round)
      assert.equal((await account.settled(id)).state, 'sent')
      assert.notEqual((await account.phone(other))[0]?.read_at, null)
    }
    const { state, reason, attempts } = await account.receipt(poisoned)
    assert.deepEqual([state, reason], ['failed', 'carrier_error'])
    assert.ok(attempts >= 5, `${attempts} attempts`)
  })

  test('expires what no carrier took in time, and says what stood in the way', async () => {
    await using server = await startReadback({ READBACK_RECEIPT_TTL_S: '1' })
    const account = await customer(server)
    await using told = await listen(server.base, account.keys, SETTLED)
    await account.carrier({ offline: true })
    const first = await account.markRead()
    await told.at(0)
    const receipt = await account.settled(first)
    assert.deepEqual([receipt.state, receipt.reason], ['expired', 'unreachable'])
    await pause(server, LINE, true)
    const second = await account.markRead()
    await told.at(1)
    const paused = await account.settled(second)
    assert.deepEqual([paused.state, paused.reason], ['expired', 'line_paused'])
  })

  test('leaves a paused line alone, says so of what waits, and goes on when it may', async () => {
    const [line, another] = [ownLine(), ownLine()]
    const account = await customer(server, { lines: [line, another] })
    await account.write({ to_number: line })
    await pause(server, line, true)
    const id = await account.markRead(CONTACT, line)
    await account.settled(await account.markRead('+14155550100', another))
    const { state, reason } = await account.receipt(id)
    assert.deepEqual([state, reason], ['queued', 'line_paused'])
    await pause(server, line, false)
    const sent = await account.settled(id)
    assert.deepEqual([sent.state, sent.reason], ['sent', null])
  })

  test('keeps the pace that the carrier sets', async () => {
    const { account, line } = await newcomer()
    await using told = await listen(server.base, account.keys, SETTLED)
    await account.carrier({ from_number: line, pace_per_s: 20 })
    // The first tells the lane its pace.
    await account.settled(await account.markRead('+14155550199', line))
    const startedAt = performance.now()
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, index) => account.markRead(`+1415${5_550_100 + index}`, line)),
    )
    await told.at(ids.length)
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
