import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reply } from './connector.ts'
import type { LineId } from './id.ts'
import { noteReplies } from './note-replies.ts'

const LINE_ID = 7 as LineId
const REPLY = { carrierConversation: 'any;-;+14155550123', sentAt: 1 } as Reply

/** Which lanes are nudged by replies that set so many receipts going, and how often the store was asked. */
async function nudgedBy(replies: readonly Reply[], released: number) {
  const nudged: LineId[] = []
  let asked = 0
  const store = {
    async noteReplies() {
      asked += 1
      return released
    },
  }
  await noteReplies(store, (lineId) => void nudged.push(lineId), { lineId: LINE_ID, replies, at: 2 })
  return { nudged, asked }
}

test('a reply nudges its line’s lane where it sets something going, and costs the lane nothing where it does not', async () => {
  assert.deepEqual(await nudgedBy([REPLY], 1), { nudged: [LINE_ID], asked: 1 })
  assert.deepEqual(await nudgedBy([REPLY], 0), { nudged: [], asked: 1 })
})

test('a call of a carrier that tells of no reply costs the store nothing', async () => {
  assert.deepEqual(await nudgedBy([], 0), { nudged: [], asked: 0 })
})
