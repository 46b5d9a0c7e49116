import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Conversation } from '../core/conversation.ts'
import type { MessageId } from '../core/id.ts'
import type { MessageCall } from '../core/sending.ts'
import type { HttpAnswer, HttpCaller } from '../outgoing/http-call.ts'
import { type Heard, type Talk, talkTo } from './bluebubbles-talk.ts'
import { sendMessage } from './bluebubbles-writing.ts'

const conversation = { kind: 'direct', address: '+14155551234', carrierConversation: 'any;-;+14155551234' }
const CALL = {
  id: 1 as MessageId,
  conversation: conversation as unknown as Conversation,
  service: 'iMessage',
  content: 'Look',
  mediaUrl: 'https://example.com/picture.jpg',
  sendStyle: null,
  attempts: 0,
} as const satisfies MessageCall

const twiceOf = (talk: () => Talk) => () => ({ talk: talk(), hasty: talk(), enough() {} })

describe('a message whose line was left while its file was fetched', () => {
  for (const [what, content] of [
    ['a file alone', null],
    ['a text with a file', 'Look'],
  ] as const) {
    test(`is not sent any more: ${what}`, async () => {
      const asked: string[] = []
      const talk: Talk = async (_method, path) => {
        asked.push(path.join('/'))
        const data = { path: 'uploads/1', guid: 'a guid', dateDelivered: null }
        return { kind: 'done', data, date: undefined }
      }
      let left = false
      const media = {
        async download() {
          left = true
          return { kind: 'file', status: 200, bytes: Buffer.from('a picture'), type: 'image/jpeg' } as never
        },
      }
      const sending = { talk: () => talk, twice: twiceOf(() => talk), media, mayCall: () => !left }
      assert.equal((await sendMessage(sending, { ...CALL, content })).kind, 'unavailable')
      assert.deepEqual(
        asked.filter((path) => path.startsWith('message/')),
        [],
      )
      assert.equal((await sendMessage({ ...sending, mayCall: () => true }, { ...CALL, content })).kind, 'sent')
    })
  }
})

test('a file that a Mac had five times and did not take ends its message, for others wait behind it', async () => {
  const media = { download: async () => ({ kind: 'file', status: 200, bytes: Buffer.from('a'), type: 'a/b' }) as never }
  const outcomes = async (heard: Heard) => {
    const talk = (): Talk => async () => heard
    const sending = { talk, twice: twiceOf(talk), media, mayCall: () => true }
    const made = [0, 3, 4].map((attempts) => sendMessage(sending, { ...CALL, attempts }))
    return (await Promise.all(made)).map((outcome) => [outcome.kind, 'reason' in outcome && outcome.reason])
  }
  const late = ['unavailable', 'timeout']
  const had = { kind: 'unavailable', reason: 'timeout', mayHaveArrived: true } as const
  assert.deepEqual(await outcomes(had), [late, late, ['rejected', 'timeout']])
  assert.deepEqual(await outcomes({ ...had, mayHaveArrived: false }), [late, late, late])
})

test('a conversation that a Mac was asked for five times and could not look up ends its message, for others wait behind it', async () => {
  const outcomes = async (status: number, body: unknown) => {
    const answer = { kind: 'answer', status, body } as HttpAnswer
    const caller = { call: async () => answer, deadline: () => AbortSignal.timeout(1_000) } as unknown as HttpCaller
    const talk = () => talkTo(caller, { url: 'http://mac', password: 'x' }, 'all')
    const call = { ...CALL, conversation: { ...CALL.conversation, carrierConversation: null } }
    const sending = { talk, twice: twiceOf(talk), media: { download: () => assert.fail() }, mayCall: () => true }
    const made = [0, 3, 4, 9].map((attempts) => sendMessage(sending, { ...call, attempts }))
    return (await Promise.all(made)).map((outcome) => outcome.kind)
  }
  const own = (message: string) => ({ status: 500, message: 'An error', error: { type: 'Database Error', message } })
  const again = 'unavailable'
  assert.deepEqual(await outcomes(500, own('no such column')), [again, again, 'rejected', 'rejected'])
  // Whoever stands before a Mac that is away says so; and one whose helper is off is soon well.
  assert.deepEqual(await outcomes(502, '<html></html>'), [again, again, again, again])
  assert.deepEqual(await outcomes(500, own('helper is not connected')), [again, again, again, again])
})

test('a Mac that is away uses up none of the five tries that a message has', async () => {
  const own = { status: 500, message: 'An error', error: { type: 'Database Error', message: 'no such column' } }
  const away = { kind: 'unavailable', reason: 'unreachable', mayHaveArrived: false } as const
  const failing = { kind: 'answer', status: 500, body: own }
  const media = { download: () => assert.fail() }
  const conversation = { ...CALL.conversation, carrierConversation: null }
  const kinds: string[] = []
  let attempts = 0
  for (const answer of [...Array(9).fill(away), ...Array(5).fill(failing)]) {
    const caller = { call: async () => answer, deadline: () => AbortSignal.timeout(1_000) } as unknown as HttpCaller
    const talk = () => talkTo(caller, { url: 'http://mac', password: 'x' }, 'all')
    const call = { ...CALL, conversation, attempts }
    const outcome = await sendMessage({ talk, twice: twiceOf(talk), media, mayCall: () => true }, call)
    kinds.push(outcome.kind)
    if (outcome.kind === 'unavailable' && outcome.tried) attempts += 1
  }
  assert.deepEqual(kinds, [...Array(13).fill('unavailable'), 'rejected'])
})

test('a Mac that takes most of the time we have to look up each name of a conversation sends its message all the same', async () => {
  const told: string[] = []
  const talk = (): Talk => {
    let late = false
    return async (method, path) => {
      if (late) return { kind: 'unavailable', reason: 'timeout', mayHaveArrived: true }
      late = true
      told.push(`${method} ${path[0]}`)
      if (method === 'GET') return { kind: 'absent', detail: '404' }
      return { kind: 'done', data: { messages: [{ guid: 'X' }] }, date: undefined }
    }
  }
  const media = { download: () => assert.fail() }
  const conversation = { ...CALL.conversation, carrierConversation: null }
  const call = { ...CALL, conversation, mediaUrl: null }
  assert.equal((await sendMessage({ talk, twice: twiceOf(talk), media, mayCall: () => true }, call)).kind, 'sent')
  assert.deepEqual(told, [...Array(4).fill('GET chat'), 'POST chat'])
  // Unless the line is left: who stops waits for one look-up, not for all.
  told.length = 0
  const left = await sendMessage({ talk, twice: twiceOf(talk), media, mayCall: () => told.length === 0 }, call)
  assert.deepEqual([left.kind, told], ['unavailable', ['GET chat']])
})

test('a Mac that may have renamed a conversation is waited for, and one that surely has not is not', async (t) => {
  const chatOf = async (os_version: unknown) => {
    t.mock.timers.reset()
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const [asked, said] = [Promise.withResolvers<void>(), Promise.withResolvers<Heard>()]
    const told: unknown[] = []
    const talk: Talk = async (_method, path, body) => {
      if (path[0] === 'server') {
        setImmediate(() => said.resolve({ kind: 'absent', detail: '404' }))
        return { kind: 'done', data: { os_version }, date: undefined }
      }
      if (path[1] === 'iMessage;-;+14155551234') {
        asked.resolve()
        return said.promise
      }
      told.push((body as { chatGuid?: string } | undefined)?.chatGuid ?? path[1])
      return { kind: 'done', data: { guid: 'X' }, date: undefined }
    }
    const enough = () => said.resolve({ kind: 'unavailable', reason: 'timeout', mayHaveArrived: true })
    const twice = () => ({ talk, hasty: talk, enough })
    const sending = { talk: () => talk, twice, media: { download: () => assert.fail() }, mayCall: () => true }
    const conversation = { ...CALL.conversation, carrierConversation: 'iMessage;-;+14155551234' }
    const sent = sendMessage(sending, { ...CALL, conversation, mediaUrl: null })
    await asked.promise
    t.mock.timers.tick(1_000)
    assert.equal((await sent).kind, 'sent')
    return told.at(-1)
  }
  for (const system of ['12.7.6', '15.5']) assert.equal(await chatOf(system), 'iMessage;-;+14155551234')
  for (const system of ['10.16', '11.0', '16.0', '26.1', '', undefined])
    assert.equal(await chatOf(system), 'any;-;+14155551234')
})

test('a message that its contact has by the time the Mac answers is delivered', async () => {
  const media = { download: () => assert.fail() }
  const delivered = async (dateDelivered: number | null) => {
    const talk: Talk = async () => ({ kind: 'done', data: { guid: 'X', dateDelivered }, date: undefined })
    const outcome = await sendMessage(
      { talk: () => talk, twice: twiceOf(() => talk), media, mayCall: () => true },
      { ...CALL, mediaUrl: null },
    )
    return outcome.kind === 'sent' && outcome.delivered
  }
  assert.deepEqual([await delivered(null), await delivered(1_790_000_000_000)], [false, true])
})
