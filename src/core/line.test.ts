import assert from 'node:assert/strict'
import { test } from 'node:test'
import { healthOf } from './line.ts'

test('a line is DEGRADED by 20 receipts in a row that were not seen to take, and otherwise what its carrier says', () => {
  const online = { status: 'ONLINE', reason: null } as const
  const away = { status: 'OFFLINE', reason: 'unreachable' } as const
  assert.deepEqual([healthOf(online, 19), healthOf(away, 20)], [online, away])
  assert.deepEqual(healthOf(online, 20), { status: 'DEGRADED', reason: 'unverified' })
})
