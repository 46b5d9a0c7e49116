import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Clock } from './clock.ts'

test('the clock of a node that is far from its database follows it, and not what a busy one says late', (t) => {
  let at = 0
  t.mock.method(performance, 'now', () => at)
  /** The database is so far ahead of the process when it is asked, and its answer comes after that long. */
  const hear = (clock: Clock | undefined, ahead: number, wayMs: number): Clock => {
    const sentAt = clock?.sending() ?? at
    const now = at + wayMs / 2 + ahead
    at += wayMs
    if (clock === undefined) return new Clock(now, sentAt)
    clock.set(now, sentAt)
    return clock
  }
  const clock = hear(undefined, 5_000, 120)
  assert.equal(clock.now() - at, 5_000)
  at += 600_000
  hear(clock, 5_030, 120)
  assert.equal(clock.now() - at, 5_030)
  hear(clock, 5_400, 2_000)
  assert.equal(clock.now() - at, 5_030)
})
