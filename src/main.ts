import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import type { FastifyInstance } from 'fastify'
import { type Logger, pino } from 'pino'
import { type Config, readConfig, strangeNames } from './config.ts'
import { createCarrierCaller } from './connectors/carrier-call.ts'
import { createConnectors, RECEIPTS, RELAYS, WRITING } from './connectors/index.ts'
import { LARGEST_MEDIA } from './connectors/media.ts'
import { messageOf, ReadbackError } from './core/errors.ts'
import type { Changes, Store } from './core/store.ts'
import { makeDataFolder } from './data-folder.ts'
import { demoText, prepareDemo } from './demo.ts'
import { createApp } from './http/app.ts'
import { ChangeFeed } from './http/console/change-feed.ts'
import { SignInLinks } from './http/console/sign-in-links.ts'
import { EventHub } from './http/event-hub.ts'
import { TypingStops } from './http/typing.ts'
import { webhookBody } from './http/webhook-body.ts'
import { keptSecret } from './kept-secret.ts'
import { createOutbox, type RunningOutbox } from './outbox/index.ts'
import type { AddressPolicy } from './outgoing/address-guard.ts'
import { createHttpCaller } from './outgoing/http-call.ts'
import { openStore } from './store/open.ts'

export interface Running {
  /** Where it listens: `http://127.0.0.1:7070`. */
  readonly base: string
  /** What the running store says of itself: whether a 200 may be trusted. */
  durability: Store['durability']
  /** What to show whoever started it; empty outside the demo. */
  readonly greeting: string
  /** Finishes what is under way and ends. Nothing that was answered is lost, also if this is not waited for. */
  stop(): Promise<void>
}

/**
 * Where most objects that one place in the code made have once grown old, V8 makes the next ones old from the start. Those who wait for
 * a commit look like that in a busy moment, and each holds its whole request: those then lived until the next full collection, in every
 * other process (`docs/performance.md`).
 */
const ALL_BORN_YOUNG = '--no-allocation-site-pretenuring'

/** Where `vite build` puts the dashboard. */
const PAGES = join(import.meta.dirname, '../dist/dashboard')

/** Puts the parts together and serves. Throws what keeps it from starting; `onDeath` hears of a store that breaks later. */
export async function start(config: Config, log: Logger, onDeath: (error: Error) => void): Promise<Running> {
  return (await prepare(config, log, onDeath))()
}

/** Puts the parts together. Until what it answers is called nothing is under way, and the process may end at any moment. */
async function prepare(config: Config, log: Logger, onDeath: (error: Error) => void): Promise<() => Promise<Running>> {
  setFlagsFromString(ALL_BORN_YOUNG)
  makeDataFolder(config.dataDir)
  const operatorToken = config.operatorToken ?? keptSecret(join(config.dataDir, 'operator-token'), newSecret)
  const customers: AddressPolicy = { of: 'customer', allow: config.webhookAllow }
  const callers = openCallers(config, customers)
  const dashboard = dashboardOf(config)
  const typingStops = new TypingStops()
  const onChanges = (made: Changes) => {
    for (const hears of [outbox, dashboard.changes, hub, typingStops]) hears.changed(made)
  }
  const store = await openStore({ ...storeOptions(config), onDeath, onChanges, onNotice: (notice) => log.warn(notice) })
  const now = () => store.now()
  const hub = new EventHub({ store, log })
  const connectors = createConnectors({ handset: store, caller: callers.carriers, media: callers.media, now })
  let base = ''
  const inboundUrl = (secret: string) => `${config.publicUrl ?? base}/readback/v1/inbound/${secret}`
  const webhooks = { caller: callers.customers, allow: config.webhookAllow, bodyOf: webhookBody }
  const outbox = createOutbox({ ...config, store, connectors, inboundUrl, webhooks, log, now })
  const app = createApp({
    ...outbox,
    store,
    connectors,
    inboundUrl,
    publicUrlSet: config.publicUrl !== undefined,
    customers,
    hub,
    typingStops,
    now,
    operatorToken,
    log,
    ...dashboard,
  })
  return async () => {
    const demo = await orDrain(outbox, async () => {
      // Before anybody can ask for a receipt: what it finds claimed then was claimed by a process that is no more.
      await outbox.start()
      await listen(app, config)
      base = baseOf(app.server.address() as AddressInfo)
      const { simulator } = connectors
      const demo = config.demo && simulator && (await prepareDemo({ store, simulator, dataDir: config.dataDir, now }))
      await outbox.turnToCarriers()
      return demo
    })
    return {
      base,
      durability: () => store.durability(),
      greeting: demo ? demoText(base, demo, dashboard.links.make(demo.key)) : '',
      stop: () => takeApart({ hub, outbox, callers, app, store }, config),
    }
  }
}

interface Parts {
  readonly hub: EventHub
  readonly outbox: RunningOutbox
  readonly callers: ReturnType<typeof openCallers>
  readonly app: FastifyInstance
  readonly store: Store
}

/** Each part ends once no other needs it any more. */
async function takeApart({ hub, outbox, callers, app, store }: Parts, { carrierTimeoutMs }: Config): Promise<void> {
  const answeredBy = performance.now() + carrierTimeoutMs + LAST_ANSWERS_MS
  hub.end()
  // Still listening: whoever spreads the calls sees 503 at /readyz, and what is accepted until then is kept.
  // A message whose file is on its way has not been sent: it is left to the next start.
  await Promise.all([outbox.drain(), callers.media.abandon()])
  await closeBy(answeredBy, app)
  await Promise.all(Object.values(callers).map((caller) => caller.close()))
  await store.close()
}

/** Where a start fails the lines that it took are given back: they would be nobody's until its lease ends. */
async function orDrain<T>(outbox: RunningOutbox, begin: () => Promise<T>): Promise<T> {
  try {
    return await begin()
  } catch (error) {
    await outbox.drain()
    throw error
  }
}

async function listen(app: FastifyInstance, { host, port }: Config): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    throw new ReadbackError('unavailable', `HOST and PORT: ${messageOf(error)}`, { cause: error })
  }
}

/** When what was asked is answered, or then: whoever has sent half a call, or does not read its answer, is let go. */
async function closeBy(time: number, app: FastifyInstance): Promise<void> {
  const overdue = setTimeout(() => app.server.closeAllConnections(), Math.max(0, time - performance.now()))
  await app.close()
  clearTimeout(overdue)
}

function dashboardOf({ host, publicUrl, autoPlans }: Config) {
  const links = new SignInLinks(Date.now)
  return { changes: new ChangeFeed(), links, whereabouts: { host, publicUrl }, autoPlans, pages: PAGES }
}

/** The ways out: to carriers, to customers, and to what customers want sent. */
function openCallers({ carrierTimeoutMs }: Config, policy: AddressPolicy) {
  return {
    carriers: createCarrierCaller({ timeoutMs: carrierTimeoutMs }),
    customers: createHttpCaller({ ...CUSTOMER_CALLS, policy }),
    media: createHttpCaller({ ...MEDIA_CALLS, policy }),
  }
}

function storeOptions(config: Config): Omit<Parameters<typeof openStore>[0], 'onDeath' | 'onChanges' | 'onNotice'> {
  return {
    url: config.databaseUrl,
    poolSize: config.poolSize,
    leaseMs: config.leaseMs,
    secretKey: config.secretKey ?? keptSecret(join(config.dataDir, 'secret-key'), newSecret),
    rules: {
      auto: { plans: config.autoPlans, maxAgeMs: config.autoMaxAgeMs },
      receiptLifetimeMs: config.receiptLifetimeMs,
      messageLifetimeMs: config.messageLifetimeMs,
      receipts: RECEIPTS,
      writing: WRITING,
      relays: RELAYS,
    },
  }
}

/** `docs/api.md`, "Webhooks": neither a slow endpoint nor an endless one holds anything up for long. */
const CUSTOMER_CALLS = { timeoutMs: 15_000, largestAnswer: { bytes: 64 * 1024, beyond: 'cut' } } as const

/** A video from a slow host; beyond that its message is told as one that could not be sent. */
const MEDIA_CALLS = { timeoutMs: 60_000, largestAnswer: { bytes: LARGEST_MEDIA, beyond: 'refuse' } } as const

/** 64 hex digits. */
function newSecret(): string {
  return randomBytes(32).toString('hex')
}

/** As this machine reaches it: a server that listens everywhere listens on loopback too. */
function baseOf({ address, family, port }: AddressInfo): string {
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** More than a call may wait for a carrier. */
const LAST_ANSWERS_MS = 2_000

/** Beyond one carrier call's timeout nothing is waited for: what is under way then is sent again by the next start. */
const DRAIN_MARGIN_MS = 5_000

async function run(): Promise<void> {
  const config = readConfig()
  const log = pino({ level: config.logLevel })
  const names = strangeNames()
  if (names.length > 0) log.warn({ names }, 'there are no such settings')
  const serve = await prepare(config, log, (error) => {
    log.fatal({ error: messageOf(error) }, 'the store broke; this process ends')
    process.exit(1)
  })
  let stopping = false
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'finishing what is under way')
    const giveUp = () => {
      log.fatal(
        'what is under way did not finish in time; the next start takes it up, and ends messages that may have been sent',
      )
      process.exit(1)
    }
    setTimeout(giveUp, config.carrierTimeoutMs + DRAIN_MARGIN_MS).unref()
    const stopped = serving.then((running) => running.stop())
    stopped.then(
      () => log.info('stopped'),
      (error: unknown) => {
        log.fatal({ error: messageOf(error) }, 'could not stop cleanly')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', stop).on('SIGINT', stop)
  // Lanes call carriers before it listens: also a start that is broken off finishes what is under way.
  const serving = serve()
  const { base, greeting } = await serving
  if (stopping) return
  log.info({ base }, 'Readback serves')
  process.stdout.write(greeting)
}

if (import.meta.main) {
  run().catch((error: unknown) => {
    process.stderr.write(`readback: ${messageOf(error)}\n`)
    process.exit(1)
  })
}
