import assert from 'node:assert/strict'
import { type Client, client } from './client.ts'
import type { Customer } from './readback.ts'

/** Somebody who signed in, as a browser would call for them. */
export interface VisitorClient extends Client {
  readonly cookie: string
}

/** Signs in with the body of `POST /console/session`, as a page of the server does. */
export async function signIn(base: string, body: Readonly<Record<string, string>>): Promise<VisitorClient> {
  const answer = await client(base, { origin: base }).must(200, 'POST', '/console/session', body)
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  return { ...client(base, { origin: base, cookie }), cookie }
}

/** What an account signs in with. */
export function keysOf({ keys }: Customer) {
  return { api_key_id: keys['sb-api-key-id'], api_secret_key: keys['sb-api-secret-key'] }
}

/** What the page is told while it is open. */
export async function listen(base: string, cookie: string) {
  const abort = new AbortController()
  const response = await fetch(`${base}/console/events`, { headers: { cookie }, signal: abort.signal })
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  let text = ''
  const ended = (async () => {
    for await (const piece of response.body ?? []) text += new TextDecoder().decode(piece)
  })()
  return {
    text: () => text,
    ended,
    async [Symbol.asyncDispose]() {
      abort.abort()
      await ended.catch(() => {})
    },
  }
}
