import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Attempt, concludeAttempt, type Delivery } from './webhook.ts'

const DELIVERY = { type: 'receive', attempts: 1, failingSince: null } as Partial<Delivery> as Delivery
const FAILED: Attempt = { at: 1_000, ms: 500, status: 500, obstacle: null, answer: '' }
const FIVE_MINUTES_MS = 300_000
const HOUR_MS = 3_600_000

test('a wait begins with the end of the try, and is a fifth shorter or longer at the most', () => {
  const waits = [0, 0.5, 1].map((chance) => concludeAttempt(DELIVERY, FAILED, chance).nextAttemptAt)
  assert.deepEqual(
    waits,
    [0.8, 1, 1.2].map((share) => 1_500 + share * FIVE_MINUTES_MS),
  )
})

test('what is of the moment is tried once', () => {
  const outcome = concludeAttempt({ ...DELIVERY, type: 'typing_indicator', attempts: 0 }, FAILED, 0.5)
  assert.deepEqual([outcome.state, outcome.nextAttemptAt, outcome.failing], ['failed', null, true])
})

test('seven more tries come after the first, and later where the endpoint asks for it, in ten hours at the latest', () => {
  const waits = (change: Partial<Attempt>) =>
    Array.from({ length: 8 }, (_, attempts) => {
      const { state, nextAttemptAt } = concludeAttempt({ ...DELIVERY, attempts }, { ...FAILED, ...change }, 0.5)
      return nextAttemptAt === null ? state : (nextAttemptAt - 1_500) / 1_000
    })
  assert.deepEqual(waits({}), [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000, 'failed'])
  assert.deepEqual(waits({ retryAfterMs: HOUR_MS }), [3_600, 3_600, 3_600, 7_200, 18_000, 36_000, 36_000, 'failed'])
  assert.deepEqual(waits({ retryAfterMs: 11 * HOUR_MS }), [...Array(7).fill(36_000), 'failed'])
})

test('an endpoint that failed for five days gets nothing any more, but for an error of ours', () => {
  const failingSince = FAILED.at - 5 * 24 * HOUR_MS
  const after = (ms: number, change: Partial<Attempt> = {}) =>
    concludeAttempt({ ...DELIVERY, failingSince }, { ...FAILED, ...change, at: FAILED.at + ms }, 0.5).disable
  assert.deepEqual([after(-1), after(0)], [null, 'failing'])
  assert.equal(after(0, { status: null, obstacle: 'internal' }), null)
})
