import { randomUUID } from 'node:crypto'
import { METHODS as METHODS_OF_HTTP } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { ReadbackError } from '../core/errors.ts'
import { type Door, parse } from './door.ts'
import { toReadbackError } from './errors.ts'

/** Doors by path and method. A path that is here answers every other method with 405. */
export type Surface = Readonly<Record<string, Readonly<Partial<Record<Method, Door>>>>>

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
export type Method = (typeof METHODS)[number]

export interface Guard {
  /** Before the body is read; throws to keep out. */
  readonly enter?: (request: FastifyRequest) => void | Promise<void>
  /** Before a bad request is told what is wrong with it; throws to keep out. */
  readonly refuse?: (request: FastifyRequest, shape: Door['shape']) => Promise<void>
}

/** What is wrong with a request as such, before anybody has looked at who sent it. */
const ABOUT_THE_REQUEST: ReadonlySet<string> = new Set(['invalid', 'too_large', 'unsupported_media_type'])

/** Every method that Node lets in, so that none is told that a path is not there which is. */
export function knowAllMethods(app: FastifyInstance): void {
  const known = new Set(app.supportedMethods)
  // It opens a tunnel, and Node passes it on to nobody here.
  for (const method of METHODS_OF_HTTP) if (!known.has(method) && method !== 'CONNECT') app.addHttpMethod(method)
}

export function serve(app: FastifyInstance, surface: Surface, { enter, refuse }: Guard = {}): void {
  for (const [url, doors] of Object.entries(surface)) {
    for (const [method, { shape, answer }] of Object.entries(doors)) {
      app.route({
        method,
        url,
        ...(shape.bodyLimit === undefined ? {} : { bodyLimit: shape.bodyLimit }),
        ...(enter === undefined ? {} : { onRequest: async (request) => enter(request) }),
        ...(refuse === undefined ? {} : { errorHandler: refuseFirst(refuse, shape) }),
        handler(request, reply) {
          const body = shape.body === undefined ? request.body : parse(shape.body, request.body)
          const query = shape.query === undefined ? request.query : parse(shape.query, request.query)
          const params = shape.params === undefined ? request.params : parse(shape.params, request.params)
          if (shape.status !== undefined) reply.code(shape.status)
          return answer({ body, query, params, request, reply })
        },
      })
    }
    refuseOtherMethods(app, url, Object.keys(doors))
  }
}

function refuseFirst(refuse: NonNullable<Guard['refuse']>, shape: Door['shape']) {
  return async (error: unknown, request: FastifyRequest): Promise<never> => {
    if (ABOUT_THE_REQUEST.has(toReadbackError(error).code)) await refuse(request, shape)
    throw error
  }
}

function refuseOtherMethods(app: FastifyInstance, url: string, doors: readonly string[]): void {
  const allowed = doors.includes('GET') ? ['HEAD', ...doors] : doors
  const others = app.supportedMethods.filter((method) => !allowed.includes(method)) as HTTPMethods[]
  app.route({
    method: others,
    url,
    // Before any body is read: 405 comes first (contract §1).
    async onRequest(_request: FastifyRequest, reply: FastifyReply) {
      reply.header('allow', allowed.join(', '))
      throw new ReadbackError('method_not_allowed', `This endpoint takes ${allowed.join(', ')}`)
    },
    handler: () => undefined,
  })
}

export function noSuchEndpoint(): ReadbackError {
  return new ReadbackError('not_found', 'There is no such endpoint')
}

/** Unique to this process by its first half; a random id for each request would cost 2 % of its time. */
export function requestIds(): () => string {
  const process = randomUUID().slice(0, 13)
  let count = 0
  return () => {
    count += 1
    return `${process}-${count.toString(36)}`
  }
}

/**
 * `x-request-id` on every answer and in its log line, with the route's pattern: a URL may hold a secret or a number. An unknown
 * route is refused before its body is read: it is told nothing about it.
 */
export function identifyAndLog(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    if (request.headers.host === undefined) done(new ReadbackError('invalid', 'The request has no host header'))
    else done(request.is404 ? noSuchEndpoint() : undefined)
  })
  app.addHook('onResponse', (request, reply, done) => {
    const { statusCode, elapsedTime } = reply
    const level = statusCode >= 500 ? 'error' : statusCode >= 400 ? 'info' : 'debug'
    const { method, routeOptions } = request
    request.log[level]({ method, route: routeOptions.url, status: statusCode, ms: elapsedTime }, 'answered')
    // A server that no longer listens ends with its last connection, and a client may keep one open for 72 s.
    if (!app.server.listening) app.server.closeIdleConnections()
    done()
  })
}
