import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conversation } from '../core/conversation.ts'
import { findChat, renamed } from './bluebubbles-chat.ts'
import type { Talk } from './bluebubbles-talk.ts'

test('a conversation is looked up by all its names at once, so that they take a slow Mac no longer than one', async () => {
  const all = Promise.withResolvers<void>()
  let left = 4
  const talk: Talk = async (_method, [, id]) => {
    left -= 1
    if (left === 0) all.resolve()
    await all.promise
    const known = ['RCS;-;+14155550100', 'SMS;-;+14155550100'].includes(id ?? '')
    return known ? { kind: 'done', data: {}, date: undefined } : { kind: 'absent', detail: '404' }
  }
  const conversation = { kind: 'direct', address: '+14155550100', service: null, carrierConversation: null }
  const found = await findChat(() => talk, conversation as unknown as Conversation)
  assert.deepEqual(found, { kind: 'found', id: 'RCS;-;+14155550100', sms: false })
  // What was just found has no other name.
  assert.equal(
    await renamed(() => assert.fail('it was asked again'), conversation as unknown as Conversation),
    undefined,
  )
})

test('a conversation whose service is known is looked up by the names that this one has', async () => {
  const asked: (string | undefined)[] = []
  const talk: Talk = async (_method, [, id]) => {
    asked.push(id)
    return { kind: 'absent', detail: '404' }
  }
  const conversation = { kind: 'direct', address: '+14155550100', service: 'RCS', carrierConversation: null }
  const found = await findChat(() => talk, conversation as unknown as Conversation)
  assert.deepEqual([found.kind, asked], ['not_supported', ['any;-;+14155550100', 'RCS;-;+14155550100']])
})
