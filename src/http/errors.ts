import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, messageOf, ReadbackError } from '../core/errors.ts'

const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
  inconclusive: 503,
  draining: 503,
}

/** A client that is told to come back (the official SDK obeys it) does so after a second. */
const RETRY_AFTER_S = 1
/** Whoever tried too often, after a minute. */
const RATE_RETRY_AFTER_S = 60
/** Whoever was answered may go on sending for so long. */
const LINGER_MS = 2_000
/**
 * RFC 9110, 11.6.1: with every 401, and the two keys are no scheme that HTTP knows. Of this one, unlike `Basic`, a browser makes no dialog
 * of its own: the page has one.
 */
const CHALLENGE = 'Bearer realm="Readback"'

export const NOT_JSON = 'The content type must be application/json'

/** What fastify itself refuses, in our codes. */
const FASTIFY_CODES: Readonly<Record<string, [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['too_large', 'The body is too large'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', NOT_JSON],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid', 'The body is not as long as its content-length says'],
  FST_ERR_BAD_URL: ['invalid', 'The URL is malformed'],
}

/** What a client is told of what it cannot do anything about. */
const HIDDEN: Readonly<Partial<Record<ErrorCode, string>>> = {
  internal: 'Internal server error',
  unavailable: 'The server cannot store or read anything right now. Try again shortly.',
}

/** The envelope that every error has (`docs/api.md`, "Every request"). */
function envelope(message: string): { status: 'ERROR'; message: string } {
  return { status: 'ERROR', message }
}

/** The one place where an error becomes an answer. What was not foreseen is logged, and tells the client nothing. */
export function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = toReadbackError(thrown)
  if (error.code === 'internal') request.log.error({ error: messageOf(thrown), stack: stackOf(thrown) }, 'a defect')
  if (error.code === 'unavailable') {
    request.log.error({ error: error.message }, 'the store is not available')
  }
  if (error.code === 'rate_limited') reply.header('retry-after', RATE_RETRY_AFTER_S)
  if (!request.raw.complete) letFinish(request, reply)
  const status = STATUS[error.code]
  if (status === 401) reply.header('www-authenticate', CHALLENGE)
  if (status === 503) reply.header('retry-after', RETRY_AFTER_S)
  return reply.code(status).send(envelope(HIDDEN[error.code] ?? error.message))
}

/** Whoever is hung up on while they send hears nothing: what still comes is thrown away, for a while. */
function letFinish({ raw }: FastifyRequest, reply: FastifyReply): void {
  reply.removeHeader('connection')
  reply.raw.once('finish', () => {
    setTimeout(() => raw.complete || raw.socket.destroy(), LINGER_MS).unref()
  })
}

export function toReadbackError(thrown: unknown): ReadbackError {
  if (thrown instanceof ReadbackError) return thrown
  const { code = '', statusCode } = thrown as Partial<FastifyError>
  const known = FASTIFY_CODES[code]
  if (known !== undefined) return new ReadbackError(known[0], known[1], { cause: thrown })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ReadbackError('invalid', messageOf(thrown), { cause: thrown })
  }
  return new ReadbackError('internal', messageOf(thrown), { cause: thrown })
}

export function rawStatus({ code = '' }: NodeJS.ErrnoException): number {
  return RAW_STATUS[code] ?? 400
}

/** What Node's parser would not even call a request still gets the envelope. */
export function rawError(status: number, requestId: string): string {
  const body = JSON.stringify(envelope(status === 400 ? 'The request is malformed' : (STATUS_CODES[status] ?? '')))
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}

const RAW_STATUS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }

function stackOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? thrown.stack : undefined
}
