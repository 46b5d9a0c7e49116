import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BackOff } from './back-off.ts'

test('a back-off counts calls that failed together once, also within one millisecond', () => {
  const backOff = new BackOff()
  for (let call = 0; call < 32; call++) backOff.fail({ startedAt: 1_000, at: 1_000 })
  assert.equal(backOff.until, 2_000)
  backOff.fail({ startedAt: 2_000, at: 2_010 })
  assert.equal(backOff.until, 4_010)
})

test('a back-off ends when one gets through, but for the pause that was asked for', () => {
  const backOff = new BackOff()
  backOff.fail({ startedAt: 1_000, at: 1_100 })
  backOff.reset()
  assert.ok(backOff.until <= 1_100)
  backOff.fail({ startedAt: 2_000, at: 2_100, retryAfterMs: 30_000 })
  backOff.reset()
  assert.deepEqual([backOff.active, backOff.until], [false, 32_100])
})

test('a back-off doubles up to a minute, and nobody who asks for patience is given more', () => {
  const backOff = new BackOff()
  const waits = Array.from({ length: 9 }, (_, hour) => {
    const at = hour * 3_600_000
    backOff.fail({ startedAt: at, at })
    return (backOff.until - at) / 1_000
  })
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60])
  const at = 86_400_000
  backOff.fail({ startedAt: at, at, retryAfterMs: 86_400_000 })
  assert.equal(backOff.until, at + 60_000)
})
