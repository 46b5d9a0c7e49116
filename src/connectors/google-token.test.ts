import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { EventEmitter, on } from 'node:events'
import { test } from 'node:test'
import type { HttpAnswer, HttpCaller, NoAnswer } from '../outgoing/http-call.ts'
import { createGoogleTokens } from './google-token.ts'

const newKey = () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
const ACCOUNT = {
  client_email: 'rbm@coffee-shop.iam.gserviceaccount.com',
  private_key: newKey(),
  token_uri: 'http://google.example.com/token',
}
const LATE: NoAnswer = { kind: 'unavailable', reason: 'timeout', mayHaveArrived: true }

test('whoever waits for another’s token asks again once the other’s time is over, and waits no longer than its own', async () => {
  const { tokens, asked, answer } = silentGoogle()
  const ask = () => {
    const time = new AbortController()
    return { token: tokens.get(ACCOUNT, time.signal), end: () => time.abort() }
  }
  const [first, second, third, fourth] = [ask(), ask(), ask(), ask()]
  await asked()
  fourth.end()
  assert.equal((await fourth.token).kind, 'unavailable')
  first.end()
  assert.equal((await first.token).kind, 'unavailable')
  await asked()
  second.end()
  assert.equal((await second.token).kind, 'unavailable')
  await asked()
  answer()
  assert.equal((await third.token).kind, 'token')
})

test('a token is asked for anew in the last minute of the one before', async () => {
  for (const [expires_in, requests] of [
    [50, 2],
    [70, 1],
  ] as const) {
    let asked = 0
    const call: HttpCaller['call'] = async () => {
      asked += 1
      return { kind: 'answer', status: 200, text: '', body: { access_token: `ya29.${asked}`, expires_in } }
    }
    const tokens = createGoogleTokens({ call } as HttpCaller)
    const get = () => tokens.get(ACCOUNT, AbortSignal.timeout(10_000))
    const given = [await get(), await get()].at(-1)
    assert.deepEqual([given?.kind === 'token' && given.text, asked], [`ya29.${requests}`, requests])
  }
})

test('all who ask at once get one token, and one other once Google refused that', async () => {
  let asked = 0
  const call: HttpCaller['call'] = async () => {
    asked += 1
    return { kind: 'answer', status: 200, text: '', body: { access_token: `ya29.${asked}`, expires_in: 3_599 } }
  }
  const tokens = createGoogleTokens({ call } as HttpCaller)
  for (const text of ['ya29.1', 'ya29.2']) {
    const ask = () => tokens.get(ACCOUNT, AbortSignal.timeout(10_000))
    const given = await Promise.all([ask(), ask(), ask()])
    for (const token of given) {
      assert.equal(token.kind === 'token' && token.text, text)
      Object.assign(token, { refused: true })
    }
  }
})

test('who knows a service account’s name, and not its key, gets no token of its', async () => {
  const refusal = { kind: 'answer', status: 400, text: '', body: { error: 'invalid_grant' } } as const
  const answers: HttpAnswer[] = [{ ...refusal, status: 200, body: { access_token: 'ya29', expires_in: 3_599 } }]
  const call: HttpCaller['call'] = async () => answers.shift() ?? refusal
  const tokens = createGoogleTokens({ call } as HttpCaller)
  const kindFor = async (account: typeof ACCOUNT) => (await tokens.get(account, AbortSignal.timeout(10_000))).kind
  assert.equal(await kindFor(ACCOUNT), 'token')
  assert.equal(await kindFor({ ...ACCOUNT, private_key: newKey() }), 'rejected')
  assert.equal(await kindFor(ACCOUNT), 'token')
})

/** It says nothing until `answer` is called: the call under way ends with its caller's time. */
function silentGoogle() {
  const calls = new EventEmitter()
  const heard = on(calls, 'call')
  const pending = new Set<(answer: HttpAnswer | NoAnswer) => void>()
  const call: HttpCaller['call'] = ({ deadline }) => {
    const { promise, resolve } = Promise.withResolvers<HttpAnswer | NoAnswer>()
    deadline?.addEventListener('abort', () => resolve(LATE))
    pending.add(resolve)
    calls.emit('call')
    return promise
  }
  const body = { access_token: 'ya29', expires_in: 3_599 }
  const given: HttpAnswer = { kind: 'answer', status: 200, text: '', body }
  return {
    tokens: createGoogleTokens({ call } as HttpCaller),
    asked: () => heard.next(),
    answer: () => {
      for (const resolve of pending) resolve(given)
    },
  }
}
