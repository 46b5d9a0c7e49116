import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ConversationId, EventId, LineId, ReceiptId } from '../../core/id.ts'
import { MOST_RECEIPTS, Recent } from './recent.ts'

describe('what a node remembers', () => {
  test('is what it used last, and no more than two generations of it', () => {
    const recent = new Recent()
    recent.hear(1 as EventId, [])
    for (let number = 1; number <= 3 * MOST_RECEIPTS; number++) recent.note(`place ${number}`, receipt(number))
    const known = (number: number) => recent.at(`place ${number}`) !== undefined
    assert.deepEqual(
      [known(1), known(MOST_RECEIPTS), known(MOST_RECEIPTS + 1), known(3 * MOST_RECEIPTS)],
      [false, false, true, true],
    )
  })
})

function receipt(number: number) {
  const queued = { trigger: 'api', requests: 1, readUpTo: null, nextAttemptAt: 0, expiresAt: 1 } as const
  const at = { lineId: 1 as LineId, conversationId: number as ConversationId, lastMessageId: null }
  return { ...queued, ...at, id: number as ReceiptId, version: 1 }
}
