import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SILENT } from '../../test/support/lane.ts'
import type { LineId } from '../core/id.ts'
import type { LineHealth } from '../core/line.ts'
import { noteHealthIn } from './line-health.ts'

const ONLINE: LineHealth = { status: 'ONLINE', reason: null }
const AWAY: LineHealth = { status: 'OFFLINE', reason: 'unreachable' }
const MUTE: LineHealth = { status: 'DEGRADED', reason: 'unverified' }

test('a line that is well again is told in the log, one that is not is warned of, and what is as before is neither', async () => {
  const told: unknown[] = []
  const note = (level: string) => (fields: object) => told.push({ level, ...fields })
  let before: LineHealth | null = null
  const store = { noteHealth: async ({ health }: { health: LineHealth }) => (health === before ? null : before) }
  const noteHealth = noteHealthIn(store, { ...SILENT, info: note('info'), warn: note('warn') }, () => 1)
  const probed = async (was: LineHealth, health: LineHealth, unverified = 0) => {
    before = was
    return noteHealth({ id: 1 as LineId, unverified }, health)
  }
  assert.deepEqual(await probed(ONLINE, ONLINE), ONLINE)
  assert.deepEqual(await probed(ONLINE, AWAY), AWAY)
  assert.deepEqual(await probed(AWAY, ONLINE, 19), ONLINE)
  assert.deepEqual(await probed(ONLINE, ONLINE, 20), MUTE)
  assert.deepEqual(told, [
    { level: 'warn', line: 'line_1', from: 'ONLINE', to: 'OFFLINE', reason: 'unreachable' },
    { level: 'info', line: 'line_1', from: 'OFFLINE', to: 'ONLINE', reason: null },
    { level: 'warn', line: 'line_1', from: 'ONLINE', to: 'DEGRADED', reason: 'unverified' },
  ])
})
