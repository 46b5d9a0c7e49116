import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { ReadbackError } from '../../core/errors.ts'
import { door } from '../door.ts'
import { refuseRoute, serve } from '../surface.ts'
import { checkHost, type Whereabouts } from './entrance.ts'

/** The views; which of them is shown, the page decides by itself. */
const VIEWS = [
  '/',
  '/overview',
  '/conversations',
  '/conversations/:id',
  '/lines',
  '/webhooks',
  '/settings',
  '/operator',
]

const YEAR_MS = 365 * 24 * 3_600_000

/**
 * Scripts come from this server's files alone. Mantine writes its measures into style attributes and elements, so styles may be
 * inline; a message is text wherever it is shown, and what a contact attached is a link: nothing of theirs is loaded.
 */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-cache',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** The dashboard itself, as Vite built it into `folder`; where nothing was built, there is none. */
export function servePages(app: FastifyInstance, folder: string, whereabouts: Whereabouts): void {
  const file = join(folder, 'index.html')
  const html = existsSync(file) ? readFileSync(file, 'utf8') : undefined
  const page = door({}, async ({ reply }) => {
    if (html === undefined) throw new ReadbackError('not_found', 'The dashboard is not built: `npm start` builds it')
    reply.headers(PAGE_HEADERS)
    return html
  })
  const views = Object.fromEntries(VIEWS.map((view) => [view, { GET: page }]))
  serve(app, views, { enter: (request) => checkHost(request, whereabouts) })
  // A person who is lost is shown the way back; a program is told as everywhere.
  app.get('/*', async (request, reply) => {
    const refusal = refuseRoute(app, request, reply)
    if (refusal.code !== 'not_found' || html === undefined || !request.headers.accept?.includes('text/html'))
      throw refusal
    checkHost(request, whereabouts)
    return reply.code(404).headers(PAGE_HEADERS).send(html)
  })
  if (html === undefined) return
  app.register(fastifyStatic, {
    root: join(folder, 'assets'),
    prefix: '/assets/',
    // A route for each file: any other is an unknown route like all others.
    wildcard: false,
    index: false,
    decorateReply: false,
    preCompressed: true,
    // Their names change with what is in them.
    immutable: true,
    maxAge: YEAR_MS,
    setHeaders: (reply) => void reply.header('x-content-type-options', 'nosniff'),
  })
}
