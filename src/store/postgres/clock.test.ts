import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Clock } from './clock.ts'

/** A clock of which a test has the time in hand. */
function timeOf(t: TestContext) {
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
  const pass = (ms: number) => {
    at += ms
  }
  return { hear, pass, ahead: (clock: Clock) => clock.now() - at }
}

test('the clock of a node that is far from its database follows it, and not what a busy one says late', (t) => {
  const { hear, pass, ahead } = timeOf(t)
  const clock = hear(undefined, 5_000, 120)
  assert.equal(ahead(clock), 5_000)
  pass(600_000)
  hear(clock, 5_030, 120)
  assert.equal(ahead(clock), 5_030)
  hear(clock, 5_400, 2_000)
  assert.equal(ahead(clock), 5_030)
})

test('the clock follows what is said late once it may have drifted by more, and then again nothing that is said later', (t) => {
  const { hear, pass, ahead } = timeOf(t)
  const clock = hear(undefined, 5_000, 20)
  pass(3_600_000)
  hear(clock, 5_100, 1_000)
  assert.equal(ahead(clock), 5_100)
  hear(clock, 6_000, 1_200)
  assert.equal(ahead(clock), 5_100)
})
