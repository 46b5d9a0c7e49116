import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connector, ReceiptOutcome } from './connector.ts'
import { type ShowTypingCall, showTyping, type TypingDesk } from './typing.ts'

const CALL = { typing: true, at: 7 } as ShowTypingCall

async function shown(sendTyping: () => Promise<ReceiptOutcome>) {
  const told: boolean[] = []
  const place = { line: { connector: 'test', paused: false }, conversation: {}, released: 0 }
  const store = {
    getTypingPlace: async () => place,
    tellOfTyping: ({ taken }: { taken: boolean }) => told.push(taken),
  } as unknown as TypingDesk['store']
  const connector = { line: () => ({ sendTyping }) } as unknown as Connector
  const outcome = await showTyping({ store, connectors: { test: connector }, nudge() {} }, CALL)
  return { ...outcome, told }
}

test('what a carrier did not take is told to no other process as taken, also where a connector throws in spite of its port', async () => {
  const broken = await shown(async () => {
    throw new Error('broken')
  })
  assert.deepEqual(broken, { kind: 'unavailable', reason: 'carrier_error', detail: 'broken', told: [false] })
  const taken = await shown(async () => ({ kind: 'done' }))
  assert.deepEqual([taken.kind, taken.told], ['done', [false, true]])
})
