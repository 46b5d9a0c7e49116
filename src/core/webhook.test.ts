import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Attempt, concludeAttempt, type Delivery } from './webhook.ts'

const DELIVERY = { type: 'receive', attempts: 1, failingSince: null } as Partial<Delivery> as Delivery
const FAILED: Attempt = { at: 1_000, ms: 500, status: 500, obstacle: null, answer: '' }
const FIVE_MINUTES_MS = 300_000

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
