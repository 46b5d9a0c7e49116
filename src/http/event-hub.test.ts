import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { until } from '../../test/support/until.ts'
import type { EventLog, RecordedEvent } from '../core/account-event.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId, EventId, LineId } from '../core/id.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import { EventHub } from './event-hub.ts'

const [ONE, OTHER] = [1 as AccountId, 2 as AccountId]

/** A hub over events that are recorded by hand. */
function desk() {
  const recorded: RecordedEvent[] = []
  const warnings: string[] = []
  const state = { away: false, reads: 0 }
  const store: EventLog = {
    async listEvents({ after, limit }) {
      state.reads += 1
      await turn()
      if (state.away) throw new ReadbackError('unavailable', 'The store is locked')
      return recorded.filter(({ id }) => id > after).slice(0, limit)
    },
    newestEventId: async () => (recorded.at(-1)?.id ?? 0) as EventId,
  }
  const hub = new EventHub({ store, log: { warn: (_, message) => void warnings.push(message) } })
  return {
    hub,
    state,
    warnings,
    record(accountId: AccountId, count = 1, { told } = { told: true }) {
      for (let n = 0; n < count; n++) recorded.push(eventOf(accountId, recorded.length + 1))
      if (told) hub.changed({ events: true })
    },
    async listen(accountId: AccountId | null, goOn = true) {
      const heard: number[] = []
      let ended = false
      const leave = await hub.subscribe({
        accountId,
        onEvent({ id }) {
          heard.push(id)
          return goOn
        },
        onEnd: () => (ended = true),
      })
      return { heard, leave, ended: () => ended }
    },
  }
}

function eventOf(accountId: AccountId, id: number): RecordedEvent {
  const health = { status: 'ONLINE', reason: null } as const
  const event = { type: 'line.status.changed', lineNumber: '+19175550100' as PhoneNumber, health } as const
  return { id: id as EventId, accountId, lineId: 1 as LineId, at: id, event }
}

function heardBy({ heard }: { heard: readonly number[] }, count: number): Promise<number> {
  return until(
    `${count} events`,
    () => heard.length,
    (length) => length >= count,
  )
}

describe('the hub of events', () => {
  test('finds within seconds what nobody told it of, and looks for nothing once nobody listens', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const { listen, record, state } = desk()
    const listening = await listen(ONE)
    record(ONE, 1, { told: false })
    t.mock.timers.tick(2_000)
    await heardBy(listening, 1)
    listening.leave()
    const { reads } = state
    t.mock.timers.tick(60_000)
    await turn()
    assert.equal(state.reads, reads)
  })

  test('asks the store for nothing while nobody listens, and together for all who do', async () => {
    const { hub, record, listen, state } = desk()
    record(ONE, 3)
    hub.changed({ events: true })
    await turn()
    assert.equal(state.reads, 0)
    const listeners = await Promise.all(Array.from({ length: 50 }, () => listen(ONE)))
    record(ONE)
    for (const listener of listeners) await heardBy(listener, 1)
    assert.ok(state.reads <= 3, String(state.reads))
    for (const { leave } of listeners) leave()
    const before = state.reads
    record(ONE)
    await turn()
    assert.equal(state.reads, before)
  })

  test('hands each event to its account and to whoever hears all, in order', async () => {
    const { record, listen } = desk()
    const [one, other, operator] = [await listen(ONE), await listen(OTHER), await listen(null)]
    for (let n = 0; n < 200; n++) record(n % 2 === 0 ? ONE : OTHER)
    await heardBy(operator, 200)
    assert.deepEqual(
      operator.heard,
      Array.from({ length: 200 }, (_, n) => n + 1),
    )
    assert.deepEqual(
      one.heard,
      operator.heard.filter((id) => id % 2 === 1),
    )
    assert.deepEqual(
      other.heard,
      operator.heard.filter((id) => id % 2 === 0),
    )
  })

  test('tells nobody of what was recorded before they came, however far the others are', async () => {
    const { record, listen } = desk()
    const first = await listen(ONE)
    record(ONE, 1_000)
    const second = await listen(ONE)
    record(ONE)
    await heardBy(second, 1)
    await heardBy(first, 1_001)
    assert.deepEqual(second.heard, [1_001])
    assert.equal(first.heard.length, 1_001)
  })

  test('loses nothing that was recorded while the store was away', async () => {
    const { record, listen, state, warnings } = desk()
    const listener = await listen(ONE)
    await turn()
    state.away = true
    record(ONE, 2)
    await until(
      'a warning',
      () => warnings.length,
      (length) => length === 1,
    )
    state.away = false
    await heardBy(listener, 2)
    assert.deepEqual(listener.heard, [1, 2])
  })

  test('tells those that keep up all of it, beside one that never does, told once', async (t) => {
    // What would find the rest seconds later.
    t.mock.timers.enable({ apis: ['setInterval'] })
    const { record, listen } = desk()
    await listen(ONE, false)
    const listener = await listen(ONE)
    record(ONE, 1_000)
    await heardBy(listener, 1_000)
  })

  test('ends all that listen, and whoever comes after', async () => {
    const { hub, record, listen } = desk()
    const early = await listen(ONE)
    hub.end()
    const late = await listen(ONE)
    assert.deepEqual([early.ended(), late.ended()], [true, true])
    record(ONE)
    await turn()
    assert.deepEqual([early.heard, late.heard], [[], []])
  })
})
