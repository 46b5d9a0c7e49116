import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SILENT } from '../../test/support/lane.ts'
import type { LineId } from '../core/id.ts'
import { Dispatcher } from './dispatcher.ts'

const LINE = 1 as LineId

test('a lane that came while the one before was let go a second time stays the only one of its line', async () => {
  const drains: PromiseWithResolvers<void>[] = []
  let lanes = 0
  const dispatcher = new Dispatcher({
    leases: undefined,
    work: 'receipts',
    takeUp: async () => {},
    linesWithWork: async () => [],
    lane() {
      lanes += 1
      const drain = () => {
        const drained = Promise.withResolvers<void>()
        drains.push(drained)
        return drained.promise
      }
      return { nudge() {}, drain }
    },
    log: SILENT,
  })
  dispatcher.nudge(LINE)
  const [first, second] = [dispatcher.letGo([LINE]), dispatcher.letGo([LINE])]
  drains[0]?.resolve()
  await first
  dispatcher.nudge(LINE)
  drains[1]?.resolve()
  await second
  dispatcher.nudge(LINE)
  assert.equal(lanes, 2)
})
