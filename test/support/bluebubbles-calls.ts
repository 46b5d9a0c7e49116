import type { IncomingMessage } from 'node:http'
import { buffer, json } from 'node:stream/consumers'

/** What a call is for. */
export type Route =
  | 'info'
  | 'chat'
  | 'read'
  | 'webhooks'
  | 'webhook'
  | 'query'
  | 'message'
  | 'availability'
  | 'new'
  | 'text'
  | 'attachment'
  | 'upload'
  | 'multipart'
  | 'type'
  | 'stop-typing'

const ROUTES: readonly [RegExp, Route][] = [
  [/^GET \/api\/v1\/server\/info$/, 'info'],
  [/^GET \/api\/v1\/handle\/availability\/imessage$/, 'availability'],
  [/^POST \/api\/v1\/chat\/([^/]+)\/read$/, 'read'],
  [/^GET \/api\/v1\/chat\/([^/]+)$/, 'chat'],
  [/^POST \/api\/v1\/chat\/new$/, 'new'],
  [/^POST \/api\/v1\/chat\/([^/]+)\/typing$/, 'type'],
  [/^DELETE \/api\/v1\/chat\/([^/]+)\/typing$/, 'stop-typing'],
  [/^POST \/api\/v1\/message\/text$/, 'text'],
  [/^POST \/api\/v1\/message\/attachment$/, 'attachment'],
  [/^POST \/api\/v1\/message\/multipart$/, 'multipart'],
  [/^POST \/api\/v1\/attachment\/upload$/, 'upload'],
  [/^POST \/api\/v1\/message\/query$/, 'query'],
  [/^GET \/api\/v1\/message\/([^/]+)$/, 'message'],
  [/^(?:GET|POST) \/api\/v1\/webhook$/, 'webhooks'],
  [/^DELETE \/api\/v1\/webhook\/([^/]+)$/, 'webhook'],
]

export function routeOf(call: string): { route: Route; word?: string } | undefined {
  for (const [pattern, route] of ROUTES) {
    const word = pattern.exec(call)
    if (word !== null) return word[1] === undefined ? { route } : { route, word: word[1] }
  }
  return undefined
}

/** JSON, or a form with a file. */
export async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const type = request.headers['content-type'] ?? ''
  if (!type.startsWith('multipart/form-data')) return json(request)
  const form = await new Response(await buffer(request), { headers: { 'content-type': type } }).formData()
  const fields = [...form].map(async ([name, value]) => {
    if (typeof value === 'string') return [name, value]
    return [name, { name: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()) }]
  })
  return Object.fromEntries(await Promise.all(fields))
}
