import { z } from 'zod'
import { type Door, door } from './door.ts'
import type { Method, Surface } from './surface.ts'

/** All doors, by who may enter. */
export type Entrances = Readonly<Record<'account' | 'operator' | 'anybody', Surface>>

const DOCUMENT = z.looseObject({ openapi: z.string() })

/** `GET /openapi.json` [ours]: all of the surface in OpenAPI 3.1, out of what the doors check. Made when first asked for. */
export function openApiDoor(entrances: () => Entrances): Door {
  let made: z.output<typeof DOCUMENT> | undefined
  const shape = { summary: 'This description', answer: DOCUMENT }
  return door(shape, async () => {
    made ??= describe(entrances())
    return made
  })
}

function describe(entrances: Entrances): z.output<typeof DOCUMENT> {
  const named: Named = {}
  const surfaces = Object.entries(entrances) as [keyof Entrances, Surface][]
  const paths = surfaces.flatMap(([by, surface]) =>
    Object.entries(surface).map(([url, doors]) => [toTemplate(url), operations(url, by, doors, named)]),
  )
  const document = {
    openapi: '3.1.1',
    info: {
      title: 'Readback',
      version: '1',
      summary: 'Read receipts for programs on iMessage and RCS lines',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, { description }]) => ({ name, description })),
    paths: Object.fromEntries(paths),
    components: { ...COMPONENTS, schemas: { Refused: toSchema(REFUSED, 'output', named), ...named } },
  }
  return JSON.parse(JSON.stringify(document).replaceAll('"#/$defs/', '"#/components/schemas/'))
}

/** Schemas that have a name, as they are met. */
type Named = Record<string, object>

/** Of a path, by how it begins. */
const TAGS: Readonly<Record<string, { readonly begins: readonly string[]; readonly description: string }>> = {
  Sendblue: { begins: ['/api/', '/account', '/v3/'], description: 'As Sendblue has it' },
  Readback: { begins: ['/readback/'], description: 'What this server adds' },
  Simulator: { begins: ['/simulator/'], description: 'The simulated phone' },
  Operator: { begins: ['/operator/'], description: 'Accounts and lines, for who runs the server' },
  Server: { begins: ['/healthz', '/readyz', '/openapi.json', '/docs'], description: 'The process itself' },
}

function tagOf(url: string): string {
  const tags = Object.entries(TAGS)
  return tags.find(([, { begins }]) => begins.some((start) => url.startsWith(start)))?.[0] ?? ''
}

const KEYS = [{ key_id: [], secret_key: [] }]

const SECURITY: Readonly<Record<keyof Entrances, readonly object[]>> = {
  account: [...KEYS, { token: [] }],
  operator: [{ operator: [] }],
  anybody: [],
}

const REFUSED = z.object({ status: z.literal('ERROR'), message: z.string() })

const REQUEST_ID = { 'x-request-id': { $ref: '#/components/headers/RequestId' } }

/** Every error is the one envelope (`docs/api.md`, "Every request"). */
const COMPONENTS = {
  securitySchemes: {
    key_id: { type: 'apiKey', in: 'header', name: 'sb-api-key-id' },
    secret_key: { type: 'apiKey', in: 'header', name: 'sb-api-secret-key' },
    token: { type: 'http', scheme: 'bearer', description: 'A token made with the keys, where it is let in' },
    operator: { type: 'http', scheme: 'bearer', description: 'The operator’s token' },
  },
  headers: { RequestId: { description: 'In the log line of this request, too', schema: { type: 'string' } } },
  responses: {
    Refused: {
      description: 'Refused; `message` says why',
      headers: { 'www-authenticate': { description: 'With a 401', schema: { type: 'string' } }, ...REQUEST_ID },
      content: json({ $ref: '#/components/schemas/Refused' }),
    },
    Unavailable: {
      description: 'Nothing was stored or read; to be tried again',
      headers: { 'retry-after': { description: 'Seconds', schema: { type: 'integer' } }, ...REQUEST_ID },
      content: json({ $ref: '#/components/schemas/Refused' }),
    },
  },
}

function operations(url: string, by: keyof Entrances, doors: Surface[string], named: Named): object {
  const all = Object.entries(doors) as [Method, Door][]
  return Object.fromEntries(
    all.map(([method, { shape }]) => [
      method.toLowerCase(),
      {
        operationId: nameOf(method, url),
        ...(shape.summary === undefined ? {} : { summary: shape.summary }),
        tags: [tagOf(url)],
        security: shape.entry === 'keys' ? KEYS : SECURITY[by],
        ...given('parameters', [
          ...parametersIn('path', shape.params, named),
          ...parametersIn('query', shape.query, named),
        ]),
        ...(shape.body === undefined
          ? {}
          : {
              requestBody: {
                required: !shape.body.safeParse(undefined).success,
                content: json(toSchema(shape.body, 'input', named)),
              },
            }),
        responses: responsesOf(shape, named),
      },
    ]),
  )
}

function responsesOf(shape: Door['shape'], named: Named): object {
  const { status = 200, headers = {} } = shape
  const own = Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }])
  const content = status === 204 ? {} : { content: contentOf(shape, named) }
  return {
    [status]: { description: 'Done', headers: { ...Object.fromEntries(own), ...REQUEST_ID }, ...content },
    '4XX': { $ref: '#/components/responses/Refused' },
    '500': { $ref: '#/components/responses/Refused' },
    '503': { $ref: '#/components/responses/Unavailable' },
  }
}

/** As it goes out: an object as JSON, a text as it stands. A door may answer either. */
function contentOf({ answer = z.string(), types = ['text/plain'] }: Door['shape'], named: Named): object {
  const whole = toSchema(answer, 'output', named) as { readonly anyOf?: readonly object[] }
  const kinds = whole.anyOf ?? [whole]
  const contents = kinds.map((schema) =>
    'type' in schema && schema.type === 'string'
      ? Object.fromEntries(types.map((type) => [type, { schema }]))
      : json(schema),
  )
  return Object.assign({}, ...contents)
}

function parametersIn(place: 'path' | 'query', schema: z.ZodType | undefined, named: Named): object[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = toSchema(schema, 'input', named) as ObjectSchema
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }))
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, object>>
  readonly required?: readonly string[]
}

/** What a transform makes of its input is nobody's business outside, so requests are described by that. */
function toSchema(schema: z.ZodType, io: 'input' | 'output', named: Named): object {
  const {
    $schema: _,
    $defs = {},
    ...described
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override({ jsonSchema }) {
      // The pattern says at length what the format, or the type, says in a word.
      if (jsonSchema.format !== undefined || jsonSchema.type === 'integer') delete jsonSchema.pattern
      // An answer may grow.
      if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    },
  })
  Object.assign(named, $defs)
  return described
}

function json(schema: object): object {
  return { 'application/json': { schema } }
}

function given(name: string, list: readonly object[]): object {
  return list.length === 0 ? {} : { [name]: list }
}

function toTemplate(url: string): string {
  return url.replace(/:(\w+)/g, '{$1}')
}

/** `get_api_v2_messages_handle` */
function nameOf(method: string, url: string): string {
  return [method.toLowerCase(), ...url.split(/\W+/).filter((word) => word !== '')].join('_')
}
