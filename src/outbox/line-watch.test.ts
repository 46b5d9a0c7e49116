import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CarrierLine, Connector } from '../core/connector.ts'
import type { LineId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import { LineWatch, type LineWatchOptions } from './line-watch.ts'

const LINE = {
  id: 1 as LineId,
  connector: 'mac',
  health: { status: 'UNKNOWN', reason: null },
  unverified: 0,
} as Partial<Line> as Line

test('a line that is not enrolled yet is asked how it is, and nothing is fetched: its enrolment says where it begins', async () => {
  const asked: string[] = []
  const probed = Promise.withResolvers<void>()
  const carrier: Partial<CarrierLine> = {
    async catchUp(cursor) {
      asked.push(`from ${cursor}`)
      return { kind: 'unavailable', reason: 'unreachable' }
    },
    async probe() {
      asked.push('how it is')
      probed.resolve()
      return { status: 'ONLINE', reason: null }
    },
  }
  let catchUpCursor: string | null = null
  const store = { listLines: async () => [{ ...LINE, catchUpCursor }] } as Partial<LineWatchOptions['store']>
  const watch = new LineWatch({
    store: store as LineWatchOptions['store'],
    connectors: { mac: { line: () => carrier as CarrierLine } as Partial<Connector> as Connector },
    noteHealth: async (_line, health) => health,
    nudge() {},
    holds: () => true,
    everyMs: 60_000,
    log: { info() {}, warn() {}, error() {} },
    now: Date.now,
  })
  watch.nudge(LINE.id)
  await probed.promise
  assert.deepEqual(asked, ['how it is'])
  catchUpCursor = 'row 5'
  const again = new Promise<void>((resolve) => {
    carrier.probe = async () => {
      resolve()
      return { status: 'ONLINE', reason: null }
    }
  })
  watch.nudge(LINE.id)
  await again
  await watch.stop()
  assert.deepEqual(asked, ['how it is', 'from row 5'])
})
