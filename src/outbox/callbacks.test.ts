import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AccountId, WebhookId } from '../core/id.ts'
import { AT_ONCE, Callbacks } from './callbacks.ts'

const [ACCOUNT, OTHER] = [1 as AccountId, 2 as AccountId]

describe('an account’s callbacks', () => {
  test('have so many lanes at once and no more, and the others come in their turn, each once', () => {
    const callbacks = new Callbacks()
    const admitted = ids(1, AT_ONCE + 3).map((id) => callbacks.enter(id, ACCOUNT))
    assert.deepEqual(admitted, [...Array(AT_ONCE).fill(true), false, false, false])
    assert.equal(callbacks.enter(id(AT_ONCE + 1), ACCOUNT), false)
    assert.ok(callbacks.enter(id(AT_ONCE + 4), OTHER))
    assert.deepEqual([callbacks.isWaitedFor(ACCOUNT), callbacks.isWaitedFor(OTHER)], [true, false])
    const next = ids(1, 4).map(() => callbacks.leave(ACCOUNT))
    assert.deepEqual(next, [...ids(AT_ONCE + 1, 3), undefined])
    assert.equal(callbacks.isWaitedFor(ACCOUNT), false)
    const again = [callbacks.enter(id(1), ACCOUNT), callbacks.enter(id(2), ACCOUNT)]
    assert.deepEqual(again, [true, false])
  })

  test('share what calls an account may make, and none of them has none', () => {
    const callbacks = new Callbacks()
    assert.equal(callbacks.share(ACCOUNT), AT_ONCE)
    for (const each of ids(1, 3)) callbacks.enter(each, ACCOUNT)
    callbacks.enter(id(4), OTHER)
    assert.deepEqual([callbacks.share(ACCOUNT), callbacks.share(OTHER)], [Math.floor(AT_ONCE / 3), AT_ONCE])
    for (const each of ids(5, AT_ONCE)) callbacks.enter(each, ACCOUNT)
    assert.equal(callbacks.share(ACCOUNT), 1)
    for (let lanes = AT_ONCE + 3; lanes > 0; lanes--) callbacks.leave(ACCOUNT)
    assert.equal(callbacks.share(ACCOUNT), AT_ONCE)
  })

  test('are not remembered without end: 10,000 of an account wait, and those behind them are found again', () => {
    const callbacks = new Callbacks()
    for (const each of ids(1, AT_ONCE + 10_001)) callbacks.enter(each, ACCOUNT)
    const taken = new Set<WebhookId>()
    for (let next = callbacks.leave(ACCOUNT); next !== undefined; next = callbacks.leave(ACCOUNT)) taken.add(next)
    assert.equal(taken.size, 10_000)
    assert.ok(!taken.has(id(AT_ONCE + 10_001)))
  })
})

function id(number: number): WebhookId {
  return number as WebhookId
}

function ids(first: number, count: number): WebhookId[] {
  return Array.from({ length: count }, (_, index) => id(first + index))
}
