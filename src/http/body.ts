import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ReadbackError } from '../core/errors.ts'
import { NOT_JSON } from './errors.ts'

/** `docs/api.md`, "Every request": JSON in, in UTF-8; any other content type is 415. No body at all reads as `{}`. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      done(null, parseBody(request, body as Buffer))
    } catch (error) {
      done(error as Error)
    }
  })
  // What is too large is told so first (the same).
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => {
    done(new ReadbackError('unsupported_media_type', NOT_JSON))
  })
}

function parseBody({ headers }: FastifyRequest, body: Buffer): unknown {
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    throw new ReadbackError('unsupported_media_type', 'A compressed body is not accepted')
  }
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1]
  if (charset !== undefined && charset.toLowerCase() !== 'utf-8' && charset.toLowerCase() !== 'utf8') {
    throw new ReadbackError('unsupported_media_type', 'The charset must be utf-8')
  }
  if (body.length === 0) return {}
  if (!isUtf8(body)) throw new ReadbackError('invalid', 'The body is not valid UTF-8')
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new ReadbackError('invalid', 'The body is not valid JSON', { cause: error })
  }
}
