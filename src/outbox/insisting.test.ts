import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SILENT } from '../../test/support/lane.ts'
import { Insisting } from './insisting.ts'
import { STORE_RETRY_MS } from './turns.ts'

test('what has to be written is tried until the store has it, and once more each when the process ends, and told of once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const told: unknown[] = []
  const log = { ...SILENT, warn: (said: object) => told.push(said) }
  const insisting = new Insisting({ complaint: 'the store is away', tag: {}, log })
  let tries = 0
  const away = async () => {
    tries += 1
    throw new Error('away')
  }
  const over: string[] = []
  void insisting.until(() => (tries < 2 ? away() : Promise.resolve())).then(() => over.push('taken'))
  void insisting.until(away).then(() => over.push('ended'))
  for (const expected of [2, 3]) {
    await new Promise(setImmediate)
    assert.deepEqual([tries, over], [expected, expected === 2 ? [] : ['taken']])
    if (expected === 3) insisting.end()
    t.mock.timers.tick(STORE_RETRY_MS)
  }
  await new Promise(setImmediate)
  void insisting.until(away).then(() => over.push('tried once'))
  await new Promise(setImmediate)
  t.mock.timers.tick(STORE_RETRY_MS)
  await new Promise(setImmediate)
  assert.deepEqual([tries, over], [5, ['taken', 'ended', 'tried once']])
  const once = { error: 'away' }
  assert.deepEqual(told, [once, once, once])
})
