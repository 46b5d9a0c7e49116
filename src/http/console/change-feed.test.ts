import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '../../core/id.ts'
import { ChangeFeed } from './change-feed.ts'

test('whoever looks at an account hears of its changes alone, and who looks at all of each', () => {
  const feed = new ChangeFeed()
  const rung: string[] = []
  const [ada, bob] = [1 as AccountId, 2 as AccountId]
  feed.subscribe(ada, () => rung.push('ada'))
  const leave = feed.subscribe(bob, () => rung.push('bob'))
  feed.subscribe(null, () => rung.push('operator'))
  const heard = (touched: Parameters<ChangeFeed['changed']>[0]['touched']) => {
    feed.changed({ touched })
    return rung.splice(0)
  }
  assert.deepEqual(heard([ada]), ['ada', 'operator'])
  assert.deepEqual(heard([bob, ada]), ['ada', 'bob', 'operator'])
  assert.deepEqual(heard('all'), ['ada', 'bob', 'operator'])
  assert.deepEqual(heard([]), [])
  leave()
  assert.deepEqual(heard([bob]), ['operator'])
})
