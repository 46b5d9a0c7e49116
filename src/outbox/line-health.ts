import { formatId } from '../core/id.ts'
import { healthOf, type Line, type LineHealth } from '../core/line.ts'
import type { LineStore } from '../core/store.ts'
import type { OutboxLog } from './log.ts'

/** Notes what a line is, after its carrier was asked; a change is logged, and nothing else is. */
export type NoteHealth = (line: Pick<Line, 'id' | 'unverified'>, probed: LineHealth) => Promise<LineHealth>

export function noteHealthIn(store: Pick<LineStore, 'noteHealth'>, log: OutboxLog, now: () => number): NoteHealth {
  return async ({ id, unverified }, probed) => {
    const health = healthOf(probed, unverified)
    const before = await store.noteHealth({ id, health, at: now() })
    if (before !== null) {
      const level = health.status === 'ONLINE' ? 'info' : 'warn'
      const change = { line: formatId('line', id), from: before.status, to: health.status, reason: health.reason }
      log[level](change, 'a line’s health changed')
    }
    return health
  }
}
