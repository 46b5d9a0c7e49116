import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
import { type Customer, customer, enter, LINE } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { HOUR, newest, setTiming } from './support/timing.ts'
import { until } from './support/until.ts'

const server = shareReadback()

const reads = async (account: Customer) => (await account.phone()).map(({ read_at }) => read_at !== null)

describe('the timing of automatic receipts', () => {
  test('is on arrival until somebody says otherwise', async () => {
    const line = ownLine()
    const account = await customer(server, { auto: true, lines: [line] })
    assert.deepEqual((await account.must(200, 'GET', '/readback/v1/settings')).body, {
      status: 'OK',
      auto_mark_read: true,
      auto_mark_read_timing: { mode: 'on_arrival' },
      lines: [{ number: line, auto_mark_read_timing: null }],
    })
    await account.write()
    const receipt = await newest(account)
    assert.equal(receipt.next_attempt_at ?? receipt.requested_at, receipt.requested_at)
  })

  test('can be a pause: the phone shows "Read" when it is over, never sooner', async () => {
    const account = await customer(server, { auto: true, lines: [ownLine()] })
    await setTiming(account, { mode: 'after', delay_s: 0.4 })
    await account.write()
    const [shown] = await until(
      'the phone to show it',
      () => account.phone(),
      ([message]) => message?.read_at !== null,
    )
    const paused = Date.parse(shown?.read_at ?? '') - Date.parse(shown?.delivered_at ?? '')
    assert.ok(paused >= 400, `${paused} ms`)
  })

  test('has a jitter on top of the pause, another for each conversation, and a lifetime that begins after it', async () => {
    const account = await customer(server, { auto: true, lines: [ownLine()] })
    await setTiming(account, { mode: 'after', delay_s: 100, jitter_s: 50 })
    for (let contact = 100; contact < 140; contact++) await account.write({ number: `+14155550${contact}` })
    const { data } = (await account.must(200, 'GET', '/readback/v1/receipts')).body
    const pauses = data.map((receipt: Record<string, string>) => {
      const at = Date.parse(receipt.next_attempt_at ?? '')
      assert.equal(Date.parse(receipt.expires_at ?? '') - at, 900_000)
      return at - Date.parse(receipt.requested_at ?? '')
    })
    assert.ok(pauses.every((pause: number) => pause >= 100_000 && pause <= 150_000))
    assert.ok(Math.max(...pauses) - Math.min(...pauses) > 10_000)
  })

  test('is overtaken by a call, which sends what was waiting at once', async () => {
    const account = await customer(server, { auto: true, lines: [ownLine()] })
    for (const timing of [HOUR, { mode: 'on_reply' }]) {
      await setTiming(account, timing)
      await account.write()
      const waiting = await newest(account)
      assert.equal(waiting.state, 'queued')
      assert.equal(await account.markRead(), waiting.receipt_id)
      const { state, trigger, requests } = await account.settled(waiting.receipt_id)
      assert.deepEqual([state, trigger, requests], ['sent', 'auto', 2])
      assert.ok((await reads(account)).every(Boolean))
    }
  })

  test('holds from the answer on, for the next message, and one that waits is joined by it', async () => {
    const account = await customer(server, { auto: true, lines: [ownLine()] })
    await setTiming(account, HOUR)
    await account.write()
    const waiting = await newest(account)
    await setTiming(account, { mode: 'on_arrival' })
    await account.write()
    assert.equal((await account.settled(waiting.receipt_id)).requests, 2)
    assert.deepEqual(await reads(account), [true, true])
  })

  test('can be a line’s own, and be left to the account’s again', async () => {
    const [line, otherLine] = [ownLine(), ownLine()]
    const account = await customer(server, { auto: true, lines: [line, otherLine] })
    const { lines } = (await setTiming(account, HOUR, otherLine)).body
    assert.deepEqual(lines, [
      { number: line, auto_mark_read_timing: null },
      { number: otherLine, auto_mark_read_timing: { mode: 'after', delay_s: 3_600, jitter_s: 0 } },
    ])
    await account.write({ to_number: otherLine })
    assert.equal((await newest(account)).state, 'queued')
    await account.write()
    assert.equal((await account.settled((await newest(account)).receipt_id)).state, 'sent')
    await setTiming(account, null, otherLine)
    await account.write({ to_number: otherLine, number: '+14155550123' })
    assert.equal((await account.settled((await newest(account)).receipt_id)).state, 'sent')
  })

  test('can be set by the operator, for an account and for a line', async () => {
    const line = ownLine()
    const account = await customer(server, { auto: true, lines: [line] })
    const after = { mode: 'after', delay_s: 2.5, jitter_s: 1 }
    const { body } = await server.operator.must(200, 'PATCH', `/operator/accounts/${account.accountId}`, {
      auto_mark_read_timing: after,
    })
    assert.deepEqual(body.account.auto_mark_read_timing, after)
    const path = `/operator/lines/${encodeURIComponent(line)}`
    const answer = await server.operator.must(200, 'PATCH', path, { auto_mark_read_timing: { mode: 'on_reply' } })
    assert.deepEqual(answer.body.line.auto_mark_read_timing, { mode: 'on_reply' })
    const settings = (await account.must(200, 'GET', '/readback/v1/settings')).body
    assert.deepEqual(settings.auto_mark_read_timing, after)
    assert.deepEqual(settings.lines[0].auto_mark_read_timing, { mode: 'on_reply' })
    await server.operator.must(200, 'PATCH', path, { auto_mark_read_timing: null })
  })

  test('is refused by name where it is none, and for a line of another', async () => {
    const otherLine = ownLine()
    const account = await customer(server, { lines: [ownLine()] })
    const stranger = await customer(server, { lines: [otherLine] })
    for (const timing of [
      'on_arrival',
      { mode: 'soon' },
      { mode: 'after' },
      { ...HOUR, delay_s: -1 },
      null,
      undefined,
    ]) {
      const answer = await account.call('PATCH', '/readback/v1/settings', { auto_mark_read_timing: timing })
      assert.equal(answer.status, 400, JSON.stringify(timing))
      assert.match(answer.body.message, /auto_mark_read_timing/)
    }
    for (const extra of [{ jitter_s: 4e3 }, { delay_s: 'long' }, { speed: 1 }]) {
      const answer = await account.call('PATCH', '/readback/v1/settings', {
        auto_mark_read_timing: { ...HOUR, ...extra },
      })
      assert.deepEqual([answer.status, answer.body.status], [400, 'ERROR'])
      assert.match(answer.body.message, new RegExp(Object.keys(extra)[0] ?? ''))
    }
    const foreign = await account.call('PATCH', '/readback/v1/settings', {
      from_number: otherLine,
      auto_mark_read_timing: HOUR,
    })
    assert.equal(foreign.status, 404)
    const untouched = (await stranger.must(200, 'GET', '/readback/v1/settings')).body
    assert.deepEqual(untouched.lines, [{ number: otherLine, auto_mark_read_timing: null }])
  })

  test('outlives kill -9: what waited for its time or a reply still does', async () => {
    await using folder = await dataFolder()
    await using first = await startProcess({ dataDir: folder.path })
    const account = await customer(first, { auto: true })
    await setTiming(account, { mode: 'on_reply' })
    await account.write()
    await setTiming(account, HOUR)
    await account.write({ number: '+14155550123' })
    await first.end('SIGKILL')
    await using second = await startProcess({ dataDir: folder.path })
    const again = enter(second.base, account.accountId, account.keys)
    const { data } = (await again.must(200, 'GET', '/readback/v1/receipts')).body
    assert.deepEqual(
      data.map(({ state, reason }: Record<string, unknown>) => [state, reason]),
      [
        ['queued', null],
        ['queued', 'awaiting_reply'],
      ],
    )
    assert.equal(data[1].next_attempt_at, null)
    assert.deepEqual(await reads(again), [false])
    // A line that goes takes those that wait with it.
    await second.operator.must(200, 'DELETE', `/operator/lines/${encodeURIComponent(LINE)}`)
    for (const { receipt_id } of data) {
      const { state, reason } = await again.settled(receipt_id)
      assert.deepEqual([state, reason], ['skipped', 'line_removed'])
    }
  })
})
