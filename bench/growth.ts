import { setTimeout as sleep } from 'node:timers/promises'
import { type GrownStore, growStore, LINE } from './support/grown-store.ts'
import { describeHost, hostLines } from './support/host.ts'
import { each } from './support/json-client.ts'
import type { LoadJob } from './support/load-job.ts'
import { contactNumber } from './support/numbers.ts'
import { type Engine, postgresServer } from './support/postgres.ts'
import { drainTime } from './support/queue.ts'
import { pauseLine } from './support/readback.ts'
import { fixed, progress, type Report, table, whole } from './support/report.ts'
import { median } from './support/statistics.ts'

export interface GrowthOptions {
  readonly stores: readonly Engine[]
  readonly dir: string
  readonly profile?: string | undefined
  /** Ascending; rates are compared with those of the first. */
  readonly sizes: readonly number[]
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
}

type Figure = 'accept' | 'dispatch' | 'uniform'
/** Median, and how it is to the first store's. */
interface Rate {
  readonly perSecond: number
  readonly ofFirst: number
}
/** Rates a second, of each store in order of the sizes. */
type Round = Readonly<Partial<Record<Figure, readonly number[]>>>

/** Seven digits. */
const MOST = 10_000_000
const ACTIVE = 1_000
/** Uniform access goes over so many in a round: more than are called. */
const SAMPLE = 100_000
const CARRIER_CALLS_PER_S = 5
/** A thousand receipts are gone within a second: more than one look at the clock. */
const CYCLES = 5
const CONNECTIONS = 64
const REST_MS = 1_000
const LOOK_MS = 200
const AIM = 0.9

/** What a store that holds much makes slower, beside the same with little in it. */
export async function growth(options: GrowthOptions): Promise<Report> {
  if (options.sizes.some((size) => size > MOST)) throw new Error(`there are numbers for ${whole(MOST)} contacts`)
  const host = await describeHost(options.dir)
  const outcomes = new Map<Engine, Awaited<ReturnType<typeof growEngine>>>()
  for (const engine of options.stores) outcomes.set(engine, await growEngine(engine, options))
  const { dir: _dir, profile: _profile, ...settings } = options
  return {
    json: { bench: 'growth', host, settings, aim: AIM, ...Object.fromEntries(outcomes) },
    text: [
      `${hostLines(host)}\n${explain(options)}`,
      ...[...outcomes].map(([engine, outcome]) => draw(engine, outcome)),
    ].join('\n\n'),
  }
}

async function growEngine(engine: Engine, options: GrowthOptions) {
  const { sizes, dir, profile } = options
  await using undo = new AsyncDisposableStack()
  const server = engine === 'postgres' ? undo.use(await postgresServer(dir)) : undefined
  const stores: GrownStore[] = []
  for (const size of sizes) {
    const databaseUrl = server && undo.use(await server.database()).url
    stores.push(undo.use(await growStore({ dir, profile, size, databaseUrl })))
  }
  const active = await play(stores, ['accept', 'dispatch'], options)
  // Last, since it leaves a long queue behind.
  const uniform = await play(stores, ['uniform'], options)
  const figures = { ...conclude(active, 'accept'), ...conclude(active, 'dispatch'), ...conclude(uniform, 'uniform') }
  const met = [figures.accept, figures.dispatch].every((rates) => (rates.at(-1)?.ofFirst ?? 0) >= AIM)
  const made = stores.map(({ size, gib, startS }) => ({ size, gib, startS }))
  return { stores: made, figures, verdict: met ? 'met' : 'missed', rounds: [...active, ...uniform] }
}

/** Stores take turns, and all are open; the first round is thrown away. */
async function play(
  stores: readonly GrownStore[],
  figures: readonly Figure[],
  options: GrowthOptions,
): Promise<Round[]> {
  const rounds: Round[] = []
  for (let number = 0; number <= options.rounds; number++) {
    const rates = figures.map((figure) => [figure, [] as number[]] as const)
    for (const store of stores) {
      for (const [figure, measured] of rates) measured.push(await MEASURES[figure](store, options, number))
    }
    rounds.push(Object.fromEntries(rates))
    const said = rates.map(([figure, measured]) => `${figure} ${measured.map(whole).join(' | ')}`).join(', ')
    progress(`round ${number}${number === 0 ? ' (thrown away)' : ''}: ${said} a second`)
  }
  return rounds.slice(1)
}

const MEASURES: Readonly<
  Record<Figure, (store: GrownStore, options: GrowthOptions, round: number) => Promise<number>>
> = {
  accept: (store, options, seed) => acceptOver(store, options, { ...activeOf(store), seed }),
  dispatch: dispatchActive,
  uniform(store, options, seed) {
    const contacts = Math.min(SAMPLE, store.size)
    const step = Math.floor(store.size / contacts)
    // Others in each round.
    return acceptOver(store, options, { contacts, among: { first: seed % step, step }, seed })
  },
}

type Spread = Pick<LoadJob, 'contacts' | 'among' | 'seed'>

/** Spread over the whole store, the same in each round. */
function activeOf({ size }: GrownStore): { contacts: number; among: { first: number; step: number } } {
  const contacts = Math.min(ACTIVE, size)
  return { contacts, among: { first: 0, step: Math.floor(size / contacts) } }
}

async function acceptOver(store: GrownStore, options: GrowthOptions, spread: Spread): Promise<number> {
  const { readback, account, load } = store
  await setPace(store, CARRIER_CALLS_PER_S)
  await sleep(REST_MS)
  const { connections, seconds } = options
  const job = { connections, seconds, from: LINE, headers: account.keys, url: `${readback.base}/api/mark-read` }
  const { requestsPerSecond } = await load.run({ ...job, ...spread })
  readback.child.mustLive()
  return requestsPerSecond
}

/** A receipt for each that is active waits while the line is paused; then all are let go, and again. */
async function dispatchActive(store: GrownStore): Promise<number> {
  const { readback, client, busy } = store
  const { contacts, among } = activeOf(store)
  const pause = (paused: boolean) => pauseLine(readback.operator, LINE, paused)
  await setPace(store, null)
  let seconds = 0
  for (let cycle = 0; cycle <= CYCLES; cycle++) {
    await pause(true)
    await each(contacts, CONNECTIONS, (index) => {
      const number = contactNumber(among.first + index * among.step)
      return client.call('POST', '/api/mark-read', 200, { number, from_number: LINE })
    })
    // A lane that is paused looks ten times a second at the most while it is nudged.
    await sleep(LOOK_MS)
    const tookS = await drainTime({ work: () => pause(false), busy })
    // In the first the lane learns that the carrier is not paced any more.
    if (cycle > 0) seconds += tookS
  }
  return (contacts * CYCLES) / seconds
}

async function setPace({ client }: GrownStore, pace_per_s: number | null): Promise<void> {
  await client.call('PUT', '/simulator/carrier', 200, { from_number: LINE, pace_per_s })
}

function conclude<F extends Figure>(rounds: readonly Round[], figure: F) {
  const rates = rounds.map((round) => round[figure] ?? [])
  const concluded = (rates[0] ?? []).map(
    (_, index): Rate => ({
      perSecond: median(rates.map((measured) => measured[index] as number)),
      ofFirst: median(rates.map((measured) => (measured[index] as number) / (measured[0] as number))),
    }),
  )
  return { [figure]: concluded } as Record<F, Rate[]>
}

function explain({ sizes, rounds, seconds, connections }: GrowthOptions): string {
  return [
    `stores of ${sizes.map(whole).join(', ')} conversations on one line, each with a message and a receipt that was sent; a server on`,
    `each, one of them under load at a time. Accepting: ${connections} connections, ${seconds} s, carrier paced to ${CARRIER_CALLS_PER_S} calls/s; over ${whole(ACTIVE)}`,
    `active conversations that lie far apart, and uniformly: over ${whole(SAMPLE)} others of all in each round, where nearly every call`,
    `opens a receipt. Dispatching: ${CYCLES} × a receipt for each that is active, let go at once, until all are settled; carrier not paced.`,
    `1 round thrown away, then ${rounds}, taking turns; medians, ratios per round to the first store`,
  ].join('\n')
}

function draw(engine: Engine, { stores, figures, verdict }: Awaited<ReturnType<typeof growEngine>>): string {
  const cells = ({ perSecond, ofFirst }: Rate) => [whole(perSecond), fixed(ofFirst, 2, ' ×')]
  const rows = stores.map(({ size, gib, startS }, index) => {
    const rates = [figures.accept, figures.dispatch, figures.uniform].flatMap((all) => cells(all[index] as Rate))
    return [whole(size), fixed(gib, 2), fixed(startS, 1), ...rates]
  })
  const columns = ['accepted/s', 'of first', 'dispatched/s', 'of first', 'uniform accepted/s', 'of first']
  return [
    table([[engine, 'GiB', 'start s', ...columns], ...rows]),
    `accepting and dispatching at the largest; aim at least ${AIM} ×: ${verdict}`,
  ].join('\n\n')
}
