import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { z } from 'zod'
import { type Customer, customer, LINE, type Readback, startReadback } from './support/readback.ts'
import { OPEN_API_FILE, readOpenApi } from './support/write-open-api.ts'

interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly security?: readonly object[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required: boolean
    readonly schema: Field
  }[]
  readonly requestBody?: { readonly required: boolean; readonly content: Content }
  readonly responses: Readonly<Record<string, Response>>
}
interface Response {
  readonly $ref?: string
  readonly headers?: Readonly<Record<string, object>>
  readonly content?: Content
}
interface Field {
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Field>>
  readonly anyOf?: readonly Field[]
  readonly oneOf?: readonly Field[]
}
type Content = Readonly<Record<string, { readonly schema: object }>>

interface Description {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

/** Each default in a schema, by the way to its field. */
function defaultsIn(field: Field = {}, way: string): [string, unknown][] {
  const { properties = {}, anyOf = [], oneOf = [] } = field
  return [
    ...('default' in field ? [[way, field.default] as [string, unknown]] : []),
    ...[...anyOf, ...oneOf].flatMap((kind) => defaultsIn(kind, way)),
    ...Object.entries(properties).flatMap(([name, inner]) => defaultsIn(inner, `${way} ${name}`)),
  ]
}

describe('the description in OpenAPI', () => {
  let server: Readback
  let account: Customer
  let description: Description
  before(async () => {
    server = await startReadback()
    account = await customer(server)
    description = (await (await fetch(`${server.base}/openapi.json`)).json()) as Description
  })
  after(() => server[Symbol.asyncDispose]())

  const operations = () =>
    Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ door: `${method.toUpperCase()} ${path}`, operation })),
    )

  test('is a valid one, of version 3.1', async () => {
    const validator = new Validator()
    const { valid, errors } = await validator.validate({ ...description })
    assert.ok(valid, JSON.stringify(errors))
    assert.equal(validator.version, '3.1')
  })

  test('is the one in openapi.json; `npm run openapi` writes it anew', async () => {
    assert.equal(await readFile(OPEN_API_FILE, 'utf8'), await readOpenApi())
  })

  test('says of every door what it does, who may enter, what it answers and how it refuses', () => {
    const lacking = operations().filter(({ operation: { summary, tags, security, responses } }) => {
      const good = responses[200] ?? responses[201]
      const says = good?.content ?? responses[204]
      const refusals = [responses['4XX']?.$ref, responses[500]?.$ref, responses[503]?.$ref]
      return !summary || !tags?.[0] || security === undefined || !says || refusals.includes(undefined)
    })
    assert.deepEqual(
      lacking.map(({ door }) => door),
      [],
    )
    const names = operations().map(({ operation }) => operation.operationId)
    assert.equal(new Set(names).size, names.length)
  })

  test('asks for the two keys or a token, for the keys alone, for the operator’s token, or for nothing', () => {
    const security = (path: string, method: string) => description.paths[path]?.[method]?.security
    assert.deepEqual(security('/api/mark-read', 'post'), [{ key_id: [], secret_key: [] }, { token: [] }])
    assert.deepEqual(security('/v3/auth/tokens', 'post'), [{ key_id: [], secret_key: [] }])
    assert.deepEqual(security('/operator/lines', 'get'), [{ operator: [] }])
    assert.deepEqual(security('/healthz', 'get'), [])
  })

  test('describes what goes in as a client writes it, before anything is made of it', () => {
    const { requestBody } = description.paths['/api/mark-read']?.post ?? {}
    assert.deepEqual(requestBody?.content['application/json']?.schema, {
      type: 'object',
      properties: { number: { type: 'string', minLength: 1 }, from_number: { type: 'string', minLength: 1 } },
      required: ['number', 'from_number'],
    })
    const line = description.paths['/operator/lines/{number}']?.patch
    assert.deepEqual(
      line?.parameters?.map(({ name, in: place, required }) => [name, place, required]),
      [['number', 'path', true]],
    )
  })

  test('says of every field that may be absent what then holds, where that is a value', () => {
    const said = operations().flatMap(({ door, operation: { parameters = [], requestBody } }) => [
      ...parameters.flatMap(({ name, schema }) => defaultsIn(schema, `${door} ${name}`)),
      ...defaultsIn(requestBody?.content['application/json']?.schema, door),
    ])
    assert.deepEqual(Object.fromEntries(said), {
      'POST /api/send-typing-indicator state': 'start',
      'GET /api/v2/messages limit': 50,
      'GET /api/v2/messages offset': 0,
      'GET /api/v2/messages order_by': 'createdAt',
      'GET /api/v2/messages order_direction': 'desc',
      'POST /v3/auth/tokens expires_in_seconds': 900,
      'POST /api/account/webhooks type': 'receive',
      'DELETE /api/account/webhooks type': 'receive',
      'GET /readback/v1/webhook-deliveries limit': 50,
      'PATCH /readback/v1/settings auto_mark_read_timing jitter_s': 0,
      'GET /readback/v1/receipts limit': 50,
      'POST /simulator/messages service': 'iMessage',
      'POST /simulator/messages media_urls': [],
      'POST /operator/accounts plan': 'free_api',
      'POST /operator/accounts read_receipts_enabled': false,
      'PATCH /operator/accounts/{account_id} auto_mark_read_timing jitter_s': 0,
      'POST /operator/accounts/{account_id}/lines settings': {},
      'PATCH /operator/lines/{number} auto_mark_read_timing jitter_s': 0,
    })
  })

  test('asks for a body where there must be one, and knows every kind of text that is answered', async () => {
    const body = (path: string) => description.paths[path]?.post?.requestBody?.required
    assert.deepEqual(['/api/mark-read', '/v3/auth/tokens', '/readback/v1/inbound/{secret}'].map(body), [
      true,
      false,
      false,
    ])
    const described = description.paths['/docs/{file}']?.get?.responses[200]?.content ?? {}
    for (const file of ['start.js', 'swagger-ui.css']) {
      const { headers } = await fetch(`${server.base}/docs/${file}`)
      assert.ok((headers.get('content-type')?.split(';')[0] ?? '') in described, file)
    }
  })

  test('knows that a carrier may be answered with a text, and what a call to mark as read has in its headers', async () => {
    const carrier = description.paths['/readback/v1/inbound/{secret}']?.post?.responses[200]
    assert.deepEqual(Object.keys(carrier?.content ?? {}), ['application/json', 'text/plain'])
    const headers = Object.keys(description.paths['/api/mark-read']?.post?.responses[200]?.headers ?? {})
    assert.deepEqual(headers, ['readback-receipt-id', 'x-request-id'])
    const body = { number: '+14155551234', from_number: LINE }
    const answer = await account.call('POST', '/api/mark-read', body)
    for (const name of headers) assert.ok(answer.headers.get(name), name)
  })

  /** What a door answers has the fields that are described, of the types that are described, and no other. */
  async function check(who: Pick<Customer, 'call'>, method: string, path: string, url: string, body?: unknown) {
    const { responses } = description.paths[path]?.[method.toLowerCase()] ?? { responses: {} }
    const answer = await who.call(method, url, body)
    const schema = responses[answer.status]?.content?.['application/json']?.schema
    assert.ok(schema, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    const whole = JSON.stringify({ ...schema, $defs: description.components.schemas })
    const closed = JSON.parse(whole.replaceAll('#/components/schemas/', '#/$defs/'), (_, value) =>
      value?.type === 'object' && value.properties !== undefined ? { ...value, additionalProperties: false } : value,
    )
    const parsed = z.fromJSONSchema(closed).safeParse(answer.body)
    assert.ok(parsed.success, `${method} ${path}: ${parsed.error?.message}`)
    return answer.body
  }

  test('holds for what the doors answer', async () => {
    await account.write()
    const id = await account.markRead()
    await account.settled(id)
    const own = (method: string, path: string, url = path, body?: unknown) => check(account, method, path, url, body)
    const query = new URLSearchParams({ number: '+14155551234', from_number: LINE })
    await own('POST', '/api/mark-read', '/api/mark-read', { number: '+14155551234', from_number: LINE })
    await own('GET', '/api/lines')
    await own('GET', '/account')
    await own('GET', '/api/v2/messages')
    await own('GET', '/api/v2/messages/{handle}', '/api/v2/messages/msg_1')
    await own('GET', '/api/evaluate-service', '/api/evaluate-service?number=%2B14155551234')
    await own('GET', '/api/v2/lines/state')
    await own('GET', '/accounts/settings/auto-mark-read')
    await own('POST', '/accounts/settings/auto-mark-read', '/accounts/settings/auto-mark-read', {
      auto_mark_read: true,
    })
    await own('GET', '/readback/v1/settings')
    await own('PATCH', '/readback/v1/settings', '/readback/v1/settings', {
      auto_mark_read_timing: { mode: 'on_reply' },
    })
    await own('POST', '/v3/auth/tokens')
    const written = { number: '+14155551234', from_number: LINE, content: 'Hello' }
    const { message_handle } = await own('POST', '/api/send-message', '/api/send-message', written)
    await own('GET', '/api/status', `/api/status?handle=${message_handle}`)
    await own('POST', '/api/send-typing-indicator', '/api/send-typing-indicator', {
      number: '+14155551234',
      from_number: LINE,
    })
    await own('GET', '/simulator/carrier', `/simulator/carrier?from_number=${LINE}`)
    await own('POST', '/simulator/messages', '/simulator/messages', { number: '+14155551234', to_number: LINE })
    await own('GET', '/readback/v1/receipts')
    await own('GET', '/readback/v1/receipts/{id}', `/readback/v1/receipts/${id}`)
    await own('GET', '/readback/v1/webhooks')
    await own('GET', '/readback/v1/webhook-deliveries')
    await own('GET', '/simulator/handset', `/simulator/handset?${query}`)
    await own('PUT', '/simulator/carrier', '/simulator/carrier', { from_number: LINE })

    const line = `/operator/lines/${encodeURIComponent(LINE)}`
    const one = `/operator/accounts/${account.accountId}`
    const operator = (method: string, path: string, url = path, body?: unknown) =>
      check(server.operator, method, path, url, body)
    await operator('POST', '/operator/accounts', '/operator/accounts', { email: 'second@example.com' })
    await operator('GET', '/operator/accounts')
    await operator('GET', '/operator/accounts/{account_id}', one)
    await operator('PATCH', '/operator/accounts/{account_id}', one, { plan: 'ai_agent' })
    const draft = { number: '+19175550100', connector: 'simulator' }
    await operator('POST', '/operator/accounts/{account_id}/lines', `${one}/lines`, draft)
    await operator('GET', '/operator/lines')
    await operator('POST', '/operator/lines/{number}/probe', `${line}/probe`)
    await operator('GET', '/operator/lines/{number}/inbound-url', `${line}/inbound-url`)
    const { api_key_id } = await operator('POST', '/operator/accounts/{account_id}/keys', `${one}/keys`)
    await operator('DELETE', '/operator/accounts/{account_id}/keys/{api_key_id}', `${one}/keys/${api_key_id}`)
  })

  test('holds for webhooks, with a secret of their own or without', async () => {
    const path = '/api/account/webhooks'
    const webhooks = ['http://127.0.0.1:9/one', { url: 'http://127.0.0.1:9/two', secret: 'a-secret-of-its-own' }]
    await check(account, 'POST', path, path, { webhooks, type: 'typing_indicator' })
    await check(account, 'GET', path, path)
    await check(account, 'PUT', path, path, { webhooks: { receive: webhooks } })
    await check(account, 'GET', '/readback/v1/webhooks', '/readback/v1/webhooks')
    await check(account, 'DELETE', path, path, { webhooks: ['http://127.0.0.1:9/one'] })
  })
})
