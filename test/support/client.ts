import assert from 'node:assert/strict'

interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came, and fails where it is not there
  readonly body: any
}

/** JSON over HTTP with some headers on every call. */
export interface Client {
  readonly base: string
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** The same, and fails on any other status. */
  must(status: number, method: string, path: string, body?: unknown): Promise<Answer>
}

export function client(base: string, headers: Readonly<Record<string, string>> = {}): Client {
  const call: Client['call'] = async (method, path, body, more = {}) => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...more },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
  }
  return {
    base,
    call,
    async must(status, method, path, body) {
      const answer = await call(method, path, body)
      assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`)
      return answer
    },
  }
}
