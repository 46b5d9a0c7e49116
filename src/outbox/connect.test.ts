import assert from 'node:assert/strict'
import { test } from 'node:test'
import { carriedBy, SILENT } from '../../test/support/lane.ts'
import type { LineId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import { connect } from './connect.ts'

const LINE = { id: 1 as LineId, connector: 'test' } as Partial<Line> as Line
const PACE = { callsPerSecond: 5, concurrency: 1 }
const fails = () => {
  throw new Error('no settings')
}

test('a line is connected to its carrier at the pace of that, or not at all, which the log tells', async () => {
  const told: unknown[] = []
  const log = { ...SILENT, error: (tag: object) => told.push(tag) }
  const well = await connect(LINE, { connectors: carriedBy({ pace: async () => PACE }), log })
  assert.deepEqual([well?.line, well?.pace, told], [LINE, PACE, []])
  const broken = [
    {},
    { test: { ...carriedBy({}).test, line: fails } as never },
    carriedBy({ pace: () => Promise.reject(new Error('no settings')) }),
  ]
  for (const connectors of broken) assert.equal(await connect(LINE, { connectors, log }), undefined)
  assert.deepEqual(told, [
    { line: 'line_1', error: 'There is no connector test' },
    { line: 'line_1', error: 'no settings' },
    { line: 'line_1', error: 'no settings' },
  ])
})
