import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadbackError } from '../core/errors.ts'
import { RemovedLines } from './removed-lines.ts'

test('what removed lines had waiting is ended though the store is away for a while, and no more is begun after a stop', async () => {
  const answers: (boolean | Error)[] = [true, new ReadbackError('unavailable', 'The store is away'), true, false]
  const warned: unknown[] = []
  const last = Promise.withResolvers<void>()
  let pieces = 0
  const store = {
    async endRemoved() {
      pieces += 1
      const answer = answers.shift()
      if (answers.length === 0) last.resolve()
      if (answer instanceof Error) throw answer
      return answer ?? false
    },
  }
  const log = { info() {}, warn: (fields: unknown) => warned.push(fields), error() {} }
  // A clock in great haste, so that a while is over at once.
  let time = 0
  const removedLines = new RemovedLines({ store, log, now: () => (time += 60_000) })
  removedLines.start()
  await last.promise
  await removedLines.stop()
  removedLines.nudge()
  assert.deepEqual([pieces, warned], [4, [{ error: 'The store is away' }]])
})
