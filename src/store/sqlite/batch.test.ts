import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { shareOf } from './batch.ts'

/** Callers who ask again as soon as they are answered: a batch's are back when the next one is done. */
function batchesOf(callers: number, firstBatch: number): number[] {
  let [waiting, before] = [callers - firstBatch, firstBatch]
  return Array.from({ length: 12 }, () => {
    const share = shareOf(waiting, before)
    waiting += before - share
    before = share
    return share
  })
}

describe('how many calls share a transaction', () => {
  test('is half of those who keep asking, however they came', () => {
    for (const first of [10, 32, 54, 63]) assert.deepEqual(batchesOf(64, first).slice(-4), [32, 32, 32, 32])
  })

  test('leaves half of a burst to the next one', () => {
    assert.equal(shareOf(64, 0), 32)
  })

  test('is all of a few', () => {
    assert.deepEqual([shareOf(1, 0), shareOf(8, 0), shareOf(3, 5)], [1, 8, 3])
  })

  test('is never more than one transaction may hold, nor than there are', () => {
    assert.deepEqual([shareOf(5_000, 512), shareOf(2, 400)], [512, 2])
  })
})
