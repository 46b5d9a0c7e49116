import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ConversationId, LineId, ReceiptId } from '../../core/id.ts'
import { MOST_PLACES, Recent } from './recent.ts'

describe('what a node remembers', () => {
  test('is what it used last, and no more than two generations of it', () => {
    const recent = new Recent()
    for (let number = 1; number <= 3 * MOST_PLACES; number++) recent.notePlace(`place ${number}`, place(number))
    const known = (number: number) => recent.place(`place ${number}`) !== undefined
    assert.deepEqual(
      [known(1), known(MOST_PLACES), known(MOST_PLACES + 1), known(3 * MOST_PLACES)],
      [false, false, true, true],
    )
  })
})

function place(number: number) {
  const queued = { trigger: 'api', requests: 1, readUpTo: null, nextAttemptAt: 0, expiresAt: 1 } as const
  const before = { id: number as ReceiptId, version: 1, queued }
  return { lineId: 1 as LineId, conversationId: number as ConversationId, lastMessageId: null, before }
}
