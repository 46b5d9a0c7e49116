import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ReadbackError } from '../core/errors.ts'
import { type Door, parse } from './door.ts'
import { answerError, rawError, rawStatus, toReadbackError } from './errors.ts'

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
          // No body at all is as good as an empty one (`docs/api.md`, "Every request"); `null` is another.
          const { body: sent = {} } = request
          const body = shape.body === undefined ? sent : parse(shape.body, sent)
          const query = shape.query === undefined ? request.query : parse(shape.query, onceEach(request.query))
          const params = shape.params === undefined ? request.params : parse(shape.params, request.params)
          if (shape.status !== undefined) reply.code(shape.status)
          return answer({ body, query, params, request, reply })
        },
      })
    }
    remember(app, url, Object.keys(doors))
  }
}

/** What is there twice comes as a list, of which nobody knows which one was meant. */
function onceEach(query: unknown): unknown {
  const twice = Object.entries(query as object).find(([, given]) => Array.isArray(given))
  if (twice === undefined) return query
  throw new ReadbackError('invalid', `\`${twice[0]}\` must be given once`)
}

function refuseFirst(refuse: NonNullable<Guard['refuse']>, shape: Door['shape']) {
  return async (error: unknown, request: FastifyRequest): Promise<never> => {
    if (ABOUT_THE_REQUEST.has(toReadbackError(error).code)) await refuse(request, shape)
    throw error
  }
}

interface Path {
  readonly pattern: RegExp
  readonly methods: readonly string[]
}

/**
 * Looked through for what is no route, and for nothing else. Routes of every other method for each path took a start and a stop 475 ms of
 * the processor in place of 375.
 */
const PATHS = new WeakMap<FastifyInstance, Path[]>()

function remember(app: FastifyInstance, url: string, doors: readonly string[]): void {
  const methods = doors.includes('GET') ? ['HEAD', ...doors] : doors
  const known = PATHS.get(app) ?? []
  PATHS.set(app, known)
  const pattern = url.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]*')
  known.push({ pattern: new RegExp(`^${pattern}$`), methods })
}

/** 405 where the path takes other methods, before any body is read and whoever asks (`docs/api.md`, "Every request"), and else 404. */
export function refuseRoute(app: FastifyInstance, { url }: FastifyRequest, reply: FastifyReply): ReadbackError {
  // As the router reads it, which has refused by now what cannot be decoded.
  const [path = ''] = url.replace(/^https?:\/\/.*?\//, '/').split(/[?#]/, 1)
  const decoded = decodeURI(path)
  const known = PATHS.get(app)?.find(({ pattern }) => pattern.test(decoded))
  if (known === undefined) return new ReadbackError('not_found', 'There is no such endpoint')
  const allowed = known.methods.join(', ')
  reply.header('allow', allowed)
  return new ReadbackError('method_not_allowed', `This endpoint takes ${allowed}`)
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

/** HTTP/1.1 asks for it (RFC 9112, 3.2); what speaks 1.0 alone, as some probes of load balancers do, need not have one. */
function lacksHost({ headers, raw }: FastifyRequest): boolean {
  return headers.host === undefined && raw.httpVersion !== '1.0'
}

/**
 * `x-request-id` on every answer and in its log line, with the route's pattern: a URL may hold a secret or a number. An unknown
 * route is refused before its body is read: it is told nothing about it.
 */
export function identifyAndLog(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    if (lacksHost(request)) done(new ReadbackError('invalid', 'The request has no host header'))
    else done(request.is404 ? refuseRoute(app, request, reply) : undefined)
  })
  app.addHook('onResponse', (request, reply, done) => {
    logAnswer(request, reply)
    // A server that no longer listens ends with its last connection, and a client may keep one open for 72 s.
    if (!app.server.listening) app.server.closeIdleConnections()
    done()
  })
}

function logAnswer({ method, routeOptions, log }: FastifyRequest, { statusCode, elapsedTime }: FastifyReply): void {
  const level = statusCode >= 500 ? 'error' : statusCode >= 400 ? 'info' : 'debug'
  log[level]({ method, route: routeOptions.url, status: statusCode, ms: elapsedTime }, 'answered')
}

/** The same for what no route is looked for: fastify runs no hooks for it. */
export function answerUnroutable(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.raw.once('finish', () => logAnswer(request, reply))
  return answerError(error, request, reply.header('x-request-id', request.id))
}

/** And for what Node's parser calls no request. */
export function answerUnreadable(log: FastifyBaseLogger, nextId: () => string) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (!socket.writable) return
    const [status, reqId] = [rawStatus(error), nextId()]
    socket.end(rawError(status, reqId))
    log.info({ reqId, status }, 'answered')
  }
}
