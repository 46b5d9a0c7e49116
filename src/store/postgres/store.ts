import { sql } from 'kysely'
import { messageOf, ReadbackError } from '../../core/errors.ts'
import type { Arrival, StoredInbound } from '../../core/inbound-message.ts'
import type { MarkReadCall, MarkReadOutcome } from '../../core/mark-read.ts'
import type { OverdueCall } from '../../core/overdue.ts'
import type { Setback, Settlement } from '../../core/send-receipt.ts'
import type { Changes, Store } from '../../core/store.ts'
import type { DeliveryOutcome } from '../../core/webhook.ts'
import type { Context, StoreOptions } from '../context.ts'
import { redeliver, testWebhook } from '../deliveries.ts'
import type { Answered, Nudging, Told } from '../events.ts'
import { checkKey } from '../key-check.ts'
import { noteHealth } from '../lines.ts'
import { endInterrupted, settleMessage } from '../message-lanes.ts'
import { noteNews } from '../message-news.ts'
import { tellOfNewer } from '../migrations/index.ts'
import { noteTyping, sendMessage } from '../outbound.ts'
import { findOverdue } from '../overdue.ts'
import { Seal } from '../seal.ts'
import { Semaphore } from '../semaphore.ts'
import { addWebhooks, removeWebhooks, replaceWebhooks } from '../webhooks.ts'
import { acceptCalls } from './acceptance.ts'
import { Batches } from './batches.ts'
import { CallerTurns } from './caller-turns.ts'
import { Clock, NOW } from './clock.ts'
import { asUnavailable, CONNECT_TIMEOUT_MS, openPatientPool, openPool, toKysely } from './connection.ts'
import { settleDeliveries } from './deliveries.ts'
import { recordEvents } from './events.ts'
import { handsetMethods } from './handset.ts'
import { identifying } from './identifying.ts'
import { storeArrivals } from './inbound.ts'
import { laneMethods } from './lanes.ts'
import { type LeaseOptions, NodeLeases } from './leases.ts'
import { lineMethods } from './lines.ts'
import { Nudges } from './nudges.ts'
import { settleReceipts } from './outbox.ts'
import { readiness } from './readiness.ts'
import { Recent } from './recent.ts'
import { sharedMethods } from './shared-queries.ts'
import { type Tools, tellingOf, touch } from './telling.ts'
import { IN_ORDER, type Isolation, type Statement, Transactions } from './transactions.ts'
import { upgrade } from './upgrade.ts'

type PostgresStart = Omit<StoreOptions, 'onDeath'>

/** For lanes, leases and what is accepted: neither lists nor callers' changes, however many there are, take the last. */
const KEPT_CONNECTIONS = 2

/**
 * The store on PostgreSQL, for any number of nodes. Throws when it cannot be reached, or was sealed with another key; later on it
 * is away for as long as the database is, and comes back by itself.
 */
export async function openPostgresStore(start: PostgresStart): Promise<Store> {
  const seal = new Seal(start.secretKey)
  const clock = await prepare(start, seal)
  const recent = new Recent()
  const pool = openPool(start.url, start.poolSize)
  // Where a connection breaks, those after it may be to another server.
  pool.on('connect', (client) => client.on('error', () => recent.forgetAll()))
  // One that ends in the middle of a statement says so by that alone.
  pool.on('release', (error: Error | boolean | undefined) => void (error && recent.forgetAll()))
  const transactions = new Transactions(pool)
  const nudges = new Nudges(start.url, pool, start.onChanges)
  const now = () => clock.now()
  const onChanges = (changes: Changes) => {
    const { events, touched } = changes
    if (events || touched.length > 0) nudges.send({ events, touched })
    start.onChanges(changes)
  }
  const onTaken = endingInterrupted({ seal, rules: start.rules, now })
  const leases = new NodeLeases({ transactions, clock, nudges, leaseMs: start.leaseMs, onTaken, onChanges })
  const whose = identifying(transactions, { seal, rules: start.rules, now })
  const patienceMs = CONNECT_TIMEOUT_MS
  const places = new Semaphore(Math.max(1, start.poolSize - KEPT_CONNECTIONS), whose, { patienceMs })
  const ofLists = new Semaphore(Math.ceil(start.poolSize / 2), whose, { patienceMs, leavesOne: true })
  const callers = new CallerTurns(tellingOf({ transactions, onChanges }), places)
  const tools = { transactions, callers, seal, rules: start.rules, now, leases, onChanges }
  const { finished, ...hot } = hotMethods(tools, recent)
  // The queries' own types are made from the port's: this is where they meet again.
  const methods = {
    ...sharedMethods(tools, (call, list) => ofLists.through(call, () => places.through(call, list))),
    ...hot,
  } as unknown as Omit<Store, 'close' | 'now' | 'leases' | 'tellOfTyping'>
  await nudges.start()
  return {
    ...methods,
    leases,
    now,
    tellOfTyping: (note) => nudges.send({ typing: [note] }),
    async close() {
      await finished()
      await nudges.close()
      await pool.end()
    },
  }
}

/** Lines: each is a parameter of a statement, which has 65,535 at the most. */
const TAKEN_UP_AT_ONCE = 10_000

/** Whether what was under way on the lines of a dead node was sent, nobody knows. */
function endingInterrupted(context: Omit<Context, 'db'>): LeaseOptions['onTaken'] {
  return async (transaction, lineIds) => {
    const at = context.now()
    const told: Told[] = []
    for (let from = 0; from < lineIds.length; from += TAKEN_UP_AT_ONCE) {
      const some = { at, lineIds: lineIds.slice(from, from + TAKEN_UP_AT_ONCE) }
      told.push(...(await endInterrupted({ ...context, db: transaction.db }, some)).told)
    }
    return recordEvents(transaction, told)
  }
}

/** Brings the tables up to date, and sees that they are ours. Answers the database's clock. */
async function prepare({ url, onNotice }: PostgresStart, seal: Seal): Promise<Clock> {
  const db = toKysely(openPatientPool(url))
  try {
    const newer = await upgrade(url, onNotice)
    if (newer.length > 0) onNotice(tellOfNewer(newer))
    const moving = await db.selectFrom('facts').selectAll().where('name', '=', 'move').executeTakeFirst()
    if (moving !== undefined) throw new ReadbackError('invalid', 'A move into this store is not finished: do it again')
    await checkKey({ db, seal })
    const sentAt = performance.now()
    const { rows } = await sql<{ now: number }>`select ${sql.raw(NOW)} as now`.execute(db)
    return new Clock(rows[0]?.now as number, sentAt)
  } catch (error) {
    if (error instanceof ReadbackError) throw error
    // It does not say which database it means. The URL is not shown: it may hold a password.
    const reason = messageOf(asUnavailable(error) ?? error)
    throw new ReadbackError('unavailable', `${reason}: is DATABASE_URL right?`, { cause: error })
  } finally {
    await db.destroy()
  }
}

/**
 * While one waits for PostgreSQL others are decided: 14,200 receipts a second with one, 16,800 with two, 18,500 with four, when both
 * cores are busy.
 */
const SETTLING_AT_ONCE = 4

function hotMethods(tools: Tools, recent: Recent) {
  const { transactions, rules } = tools
  const telling = tellingOf(tools)
  let accepted = 0
  const markRead = new Batches<MarkReadCall, MarkReadOutcome>(
    async (calls, again) => {
      const { outcomes, touched } = await acceptCalls(calls, again, { ...tools, recent })
      touch(tools, touched)
      accepted += outcomes.filter((outcome) => !(outcome instanceof ReadbackError)).length
      return outcomes
    },
    { byHalves: true },
  )
  const storeInbound = new Batches<readonly Arrival[], StoredInbound[]>((calls) =>
    telling((transaction) => storeArrivals(transaction, calls, rules)),
  )
  const settle = new Batches<Settlement | Setback, void>(
    (batch) =>
      telling(async (transaction) => {
        return { answer: batch.map(() => undefined), ...(await settleReceipts(transaction, batch)) }
      }),
    { atOnce: SETTLING_AT_ONCE },
  )
  const settleDelivery = new Batches<DeliveryOutcome, boolean>(async (batch) => {
    const settled = await transactions.run('current', (transaction) => settleDeliveries(transaction, batch))
    touch(tools, settled.touched)
    return batch.map((outcome) => settled.disabling.has(outcome))
  })
  const { finished, ...handset } = handsetMethods(transactions)
  const batches = [markRead, storeInbound, settle, settleDelivery]
  return {
    ...laneMethods(tools, telling),
    ...lineMethods(tools),
    ...handset,
    ...tellingMethods(tools),
    markRead: (call: MarkReadCall) => markRead.call(call),
    storeInbound: (arrivals: readonly Arrival[]) => storeInbound.call(arrivals),
    settleReceipts: (written: Settlement | Setback) => settle.call(written),
    settleDelivery: (outcome: DeliveryOutcome) => settleDelivery.call(outcome),
    findOverdue: (call: OverdueCall) =>
      transactions.run('current', (transaction) => {
        transaction.write(IN_ORDER, [])
        return findOverdue({ ...tools, db: transaction.db }, call)
      }),
    ready: readiness(transactions),
    durability: () => durability(transactions, accepted),
    finished: async () => void (await Promise.all([finished(), ...batches.map((batch) => batch.finished())])),
  } satisfies Partial<Store> & { finished(): Promise<void> }
}

/** Queries that engines share, and that have something to tell, or leave something for an endpoint. */
function tellingMethods({ callers, onChanges, ...context }: Tools) {
  const shared =
    <Call, A>(query: (context: Context, call: Call) => Promise<Answered<A>>, isolation: Isolation = 'snapshot') =>
    (call: Call): Promise<A> =>
      callers.run(isolation, call, ({ db }) => query({ ...context, db }, call))
  const nudging =
    <Call, A>(
      query: (context: Context, call: Call) => Promise<Nudging<A>>,
      isolation: Isolation = 'snapshot',
      touched: Changes['touched'] = [],
    ) =>
    async (call: Call): Promise<A> => {
      const { answer, endpoints } = await callers.run(isolation, call, async ({ db }) => {
        return { answer: await query({ ...context, db }, call), told: [] }
      })
      onChanges({ endpoints, events: false, touched })
      return answer
    }
  return {
    noteHealth: shared(noteHealth),
    // Decides by nothing that it overwrites: where its contact writes at the same moment it waits, and need not begin again.
    sendMessage: shared(sendMessage, 'current'),
    settleMessage: shared(settleMessage),
    noteNews: shared(noteNews),
    noteTyping: shared(noteTyping),
    redeliver: nudging(redeliver),
    testWebhook: nudging(testWebhook),
    // They wait for each other, so that each sees what the one before it left.
    addWebhooks: nudging(addWebhooks, 'current', 'all'),
    removeWebhooks: nudging(removeWebhooks, 'current', 'all'),
    replaceWebhooks: nudging(replaceWebhooks, 'current', 'all'),
  } satisfies Partial<Store>
}

/** As the server reports it. */
async function durability(
  transactions: Transactions,
  accepted: number,
): Promise<Readonly<Record<string, string | number>>> {
  const [facts] = await transactions.run('none', (one) => one.rows<Record<string, string>>(DURABILITY, []))
  return { ...facts, commits: transactions.commits, accepted }
}

const DURABILITY: Statement = {
  name: 'durability',
  text: `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit`,
}
