import type { Socket } from 'node:net'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Store } from '../core/store.ts'
import { getOwnAccountDoor } from './account.ts'
import { admitOperator, admittingFirst } from './auth.ts'
import { getAutoMarkReadDoor, setAutoMarkReadDoor } from './auto-mark-read.ts'
import { acceptJson } from './body.ts'
import { type ConsoleOptions, serveConsole } from './console/surface.ts'
import { answerError } from './errors.ts'
import { evaluateServiceDoor } from './evaluate-service.ts'
import { type EventDesk, eventsDoor } from './events.ts'
import { healthDoor, readyDoor } from './health.ts'
import { type InboundDesk, inboundDoor } from './inbound.ts'
import { linesStateDoor, listNumbersDoor } from './lines.ts'
import { markReadDoor } from './mark-read.ts'
import { getMessageDoor, listMessagesDoor } from './messages.ts'
import { type Entrances, openApiDoor } from './open-api.ts'
import * as accounts from './operator-accounts.ts'
import * as lines from './operator-lines.ts'
import { getReceiptDoor, listReceiptsDoor } from './receipts.ts'
import { referenceAssetDoor, referenceDoor } from './reference.ts'
import { messageStatusDoor, type SendingDesk, sendMessageDoor } from './send-message.ts'
import { getSettingsDoor, updateSettingsDoor } from './settings.ts'
import * as simulator from './simulator.ts'
import { answerUnreadable, answerUnroutable, identifyAndLog, requestIds, type Surface, serve } from './surface.ts'
import { createTokenDoor, deleteTokenDoor } from './tokens.ts'
import { type TypingDoorDesk, typingDoor } from './typing.ts'
import { listDeliveriesDoor, redeliverDoor } from './webhook-deliveries.ts'
import * as webhooks from './webhooks.ts'

export interface AppOptions
  extends Omit<lines.LineDesk, 'store'>,
    Omit<InboundDesk, 'store'>,
    Omit<SendingDesk, 'store'>,
    Omit<TypingDoorDesk, 'store'>,
    Omit<webhooks.WebhookDesk, 'store'>,
    Omit<EventDesk, 'store'>,
    Omit<ConsoleOptions, 'store'> {
  readonly store: Store
  readonly operatorToken: string
  readonly log: FastifyBaseLogger
  /** Whether the process is about to end. */
  readonly draining: () => boolean
}

/** Node takes 16 KiB of a request's head: no part of a URL is too long for its door, which knows what to say of it. */
const LONGEST_PARAMETER = 16 * 1024
/** `docs/api.md`, "Every request". */
const BODY_LIMIT = 64 * 1024
/** A client that sends half a request, or promises more than it sends, is let go after this long. */
const REQUEST_TIMEOUT_MS = 30_000

/** The whole public surface. Not yet listening. */
export function createApp(options: AppOptions): FastifyInstance {
  const { store, operatorToken } = options
  const nextId = requestIds()
  const unreadable = answerUnreadable(options.log, nextId)
  const app = Fastify({
    loggerInstance: options.log,
    // `surface.ts` writes the lines: fastify's own hold the URL, and with it numbers and secrets.
    logController: new LogController({ disableRequestLogging: true }),
    requestIdHeader: false,
    genReqId: nextId,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    return503OnClosing: false,
    // Node's own refusal would lack the envelope: `identifyAndLog` has one.
    http: { requireHostHeader: false },
    frameworkErrors: answerUnroutable,
    clientErrorHandler: unreadable,
  })
  // An expectation that nobody here knows may be passed over (RFC 9110, 10.1.1); Node would answer without the envelope.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  refuseTunnels(app, unreadable)
  letSilentGo(app)
  acceptJson(app)
  identifyAndLog(app)
  app.setErrorHandler(answerError)
  app.decorateRequest('session', null)

  const entrances = openEntrances(options)
  serve(app, entrances.account, admittingFirst(store))
  serve(app, entrances.operator, { enter: (request) => admitOperator(request, operatorToken) })
  serve(app, entrances.anybody)
  const ownPage = {
    ...entrances.account,
    '/api/mark-read': { POST: markReadDoor(store, options.nudge, options.now, 'dashboard') },
  }
  serveConsole(app, options, { account: ownPage, operator: entrances.operator })
  return app
}

/** Nobody is led on from here. The connection is ours then: without this Node hangs up without a word. */
function refuseTunnels(app: FastifyInstance, refuse: ReturnType<typeof answerUnreadable>): void {
  app.server.on('connect', (_request, socket: Socket) => {
    // Node has taken its own listener away.
    socket.on('error', () => socket.destroy())
    refuse(new Error('A tunnel'), socket)
    socket.destroySoon()
  })
}

/** A browser connects ahead, and Node calls idle only what has sent a request before: a stop would wait for it until its last moment. */
function letSilentGo(app: FastifyInstance): void {
  const connections = new Set<Socket>()
  app.server.on('connection', (socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  app.addHook('preClose', (done) => {
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy()
    done()
  })
}

/** All doors, by who may enter. */
function openEntrances(options: AppOptions): Entrances {
  const entrances: Entrances = {
    account: accountDoors(options),
    operator: operatorDoors(options),
    anybody: {
      '/readback/v1/inbound/:secret': { POST: inboundDoor(options) },
      '/healthz': { GET: healthDoor() },
      '/readyz': { GET: readyDoor(options.store, options.draining) },
      '/openapi.json': { GET: openApiDoor(() => entrances) },
      '/docs': { GET: referenceDoor() },
      '/docs/:file': { GET: referenceAssetDoor() },
    },
  }
  return entrances
}

/** With an account's `sb-api-*` keys, or a token of its own. */
function accountDoors(options: AppOptions): Surface {
  const { store, nudge, now } = options
  return {
    '/api/mark-read': { POST: markReadDoor(store, nudge, now) },
    '/account': { GET: getOwnAccountDoor(store) },
    '/api/evaluate-service': { GET: evaluateServiceDoor(options) },
    '/api/send-message': { POST: sendMessageDoor(options) },
    '/api/status': { GET: messageStatusDoor(options) },
    '/api/send-typing-indicator': { POST: typingDoor(options) },
    '/api/lines': { GET: listNumbersDoor(store) },
    '/api/v2/messages': { GET: listMessagesDoor(store) },
    '/api/v2/messages/:handle': { GET: getMessageDoor(store) },
    '/api/v2/lines/state': { GET: linesStateDoor(store, now) },
    '/api/v2/events': { GET: eventsDoor(options) },
    '/v3/auth/tokens': { POST: createTokenDoor(options) },
    '/v3/auth/tokens/:id': { DELETE: deleteTokenDoor(store) },
    '/accounts/settings/auto-mark-read': { GET: getAutoMarkReadDoor(store), POST: setAutoMarkReadDoor(store) },
    '/api/account/webhooks': {
      GET: webhooks.listWebhooksDoor(options),
      POST: webhooks.addWebhooksDoor(options),
      PUT: webhooks.replaceWebhooksDoor(options),
      DELETE: webhooks.removeWebhooksDoor(options),
    },
    '/readback/v1/webhooks': { GET: webhooks.webhookStatesDoor(options) },
    '/readback/v1/webhook-deliveries': { GET: listDeliveriesDoor(store) },
    '/readback/v1/webhook-deliveries/:id/redeliver': { POST: redeliverDoor(store, now) },
    '/readback/v1/settings': { GET: getSettingsDoor(store), PATCH: updateSettingsDoor(store) },
    '/readback/v1/receipts': { GET: listReceiptsDoor(store) },
    '/readback/v1/receipts/:id': { GET: getReceiptDoor(store) },
    '/simulator/messages': { POST: simulator.writeDoor(options) },
    '/simulator/handset': { GET: simulator.handsetDoor(options) },
    '/simulator/handset/open': { POST: simulator.openDoor(options) },
    '/simulator/typing': { POST: simulator.typingDoor(options) },
    '/simulator/carrier': { GET: simulator.carrierStateDoor(options), PUT: simulator.carrierDoor(options) },
  }
}

/** With the operator's bearer token. */
function operatorDoors(options: AppOptions): Surface {
  const { store, now } = options
  return {
    '/operator/accounts': { GET: accounts.listAccountsDoor(store), POST: accounts.createAccountDoor(store, now) },
    '/operator/accounts/:account_id': { GET: accounts.getAccountDoor(store), PATCH: accounts.updateAccountDoor(store) },
    '/operator/accounts/:account_id/keys': { POST: accounts.createKeyDoor(store, now) },
    '/operator/accounts/:account_id/keys/:api_key_id': { DELETE: accounts.deleteKeyDoor(store) },
    '/operator/accounts/:account_id/lines': { POST: lines.createLineDoor(options) },
    '/operator/connectors': { GET: lines.listConnectorsDoor(options) },
    '/operator/lines': { GET: lines.listLinesDoor(options) },
    '/operator/lines/:number': { PATCH: lines.updateLineDoor(options), DELETE: lines.removeLineDoor(options) },
    '/operator/lines/:number/probe': { POST: lines.probeLineDoor(options) },
    '/operator/lines/:number/inbound-url': {
      GET: lines.getInboundUrlDoor(options),
      POST: lines.renewInboundUrlDoor(options),
    },
  }
}
