import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ReadbackError } from '../../core/errors.ts'
import type { Store } from '../../core/store.ts'
import { admittingFirst } from '../auth.ts'
import type { LineDesk } from '../operator-lines.ts'
import { type Surface, serve } from '../surface.ts'
import type { ChangeFeed } from './change-feed.ts'
import { changesDoor } from './changes.ts'
import * as conversations from './conversations.ts'
import { checkHost, checkOrigin, sessionOf, visitorOf } from './entrance.ts'
import { listKeysDoor, makeKeyDoor, revokeKeyDoor } from './keys.ts'
import * as overview from './overview.ts'
import { servePages } from './pages.ts'
import { type SignInDesk, signInDoor, signOutDoor, visitorDoor } from './sign-in.ts'
import { testWebhookDoor } from './webhooks.ts'

export interface ConsoleOptions extends Omit<SignInDesk, 'store'>, Omit<LineDesk, 'store'> {
  readonly store: Store
  readonly changes: ChangeFeed
  /** Where the built pages are. */
  readonly pages: string
}

/** What a session opens, beside what is the dashboard's own. */
export interface Behind {
  readonly account: Surface
  readonly operator: Surface
}

/**
 * `/console/*`: what the dashboard calls. An account's own doors stand there once more, under their own paths, for whoever is
 * signed in; and so do the operator's.
 */
export function serveConsole(app: FastifyInstance, options: ConsoleOptions, behind: Behind): void {
  const { store, whereabouts } = options
  const enter = (request: FastifyRequest) => {
    checkHost(request, whereabouts)
    checkOrigin(request, whereabouts)
    request.session = sessionOf(request)
  }
  const enterAsOperator = async (request: FastifyRequest) => {
    enter(request)
    const { kind } = await visitorOf(options, sessionOf(request))
    if (kind !== 'operator') throw new ReadbackError('forbidden', 'That is for the operator of this server')
  }
  serve(app, sessionDoors(app, options), { enter })
  serve(app, under('/console', { ...behind.account, ...accountDoors(options) }), { enter, ...admittingFirst(store) })
  serve(app, under('/console', behind.operator), { enter: enterAsOperator })
  servePages(app, options.pages, whereabouts)
}

function sessionDoors(app: FastifyInstance, options: ConsoleOptions): Surface {
  return {
    '/console/session': { GET: visitorDoor(options), POST: signInDoor(options), DELETE: signOutDoor(options) },
    '/console/events': { GET: changesDoor(app, options) },
    '/console/reasons': { GET: overview.reasonsDoor() },
  }
}

function accountDoors(options: ConsoleOptions): Surface {
  const { store, now } = options
  return {
    '/overview': { GET: overview.overviewDoor(store, now) },
    '/conversations': { GET: conversations.listConversationsDoor(store) },
    '/conversations/:id': { GET: conversations.conversationDoor(store) },
    '/conversations/:id/handset': { GET: conversations.conversationHandsetDoor(store) },
    '/messages/:id': { GET: conversations.messageDoor(store) },
    '/keys': { GET: listKeysDoor(store), POST: makeKeyDoor(store, now) },
    '/keys/:api_key_id': { DELETE: revokeKeyDoor(store) },
    '/webhooks/:id/test': { POST: testWebhookDoor(store, now) },
    '/lines': { GET: overview.lineStatesDoor(store) },
    '/lines/:number/probe': { POST: overview.probeOwnLineDoor(options) },
    '/lines/:number/inbound-url': { GET: overview.ownInboundUrlDoor(options) },
  }
}

function under(prefix: string, surface: Surface): Surface {
  return Object.fromEntries(Object.entries(surface).map(([path, doors]) => [`${prefix}${path}`, doors]))
}
