import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucketOf, percentile, type Tally } from './overview.ts'

const HOUR_MS = 3_600_000

function tally(state: Tally['state'], ms: number, receipts: number): Tally {
  return { minute: 0, state, bucket: bucketOf(ms), receipts }
}

test('a percentile is of what was sent alone, off by a tenth at the most, in whatever order it was counted', () => {
  const tallies = [
    tally('sent', 10_000, 1),
    tally('failed', HOUR_MS, 1_000),
    tally('sent', 100, 98),
    tally('sent', 1_000, 1),
  ]
  for (const [p, ms] of [
    [0.5, 100],
    [0.98, 100],
    [0.99, 1_000],
    [1, 10_000],
  ] as const) {
    const told = percentile(tallies, p) ?? 0
    assert.ok(Math.abs(told - ms) <= ms / 10, `${told} in place of ${ms}`)
  }
  assert.equal(percentile([tally('failed', 100, 1)], 0.5), null)
})

test('what took a day is counted with what took hours, and what a clock that was set back makes of it as nothing', () => {
  assert.equal(bucketOf(24 * HOUR_MS), bucketOf(2 * HOUR_MS))
  assert.equal(bucketOf(-HOUR_MS), bucketOf(0))
})
