import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, freePort, launch, ready } from './support/child.ts'
import { describeHost, hostLines } from './support/host.ts'
import { each, jsonClient } from './support/json-client.ts'
import { type LoadClient, startLoadClient } from './support/load.ts'
import type { LoadJob, LoadResult } from './support/load-job.ts'
import { contactNumber, lineNumber } from './support/numbers.ts'
import { databaseFor, type Engine } from './support/postgres.ts'
import { cpuSeconds, residentMiB } from './support/process-use.ts'
import { createAccount, createLine, setAutoMarkRead, startReadback, writeAsContact } from './support/readback.ts'
import { fixed, progress, type Report, table, whole } from './support/report.ts'
import { median } from './support/statistics.ts'

export interface AcceptOptions {
  readonly store: Engine
  readonly dir: string
  readonly profile?: string | undefined
  readonly rounds: number
  readonly seconds: number
  readonly contacts: number
  readonly connections: number
}

const PEERS = ['bare', 'fastify', 'inserting', 'readback'] as const
type PeerName = (typeof PEERS)[number]

interface Peer extends AsyncDisposable {
  readonly child: Child
  readonly base: string
  readonly headers: Readonly<Record<string, string>>
  readonly client: LoadClient
}

type Load = Pick<LoadJob, 'contacts' | 'connections' | 'seconds'>

/** Without `inserting` on SQLite. */
type Peers = ReadonlyMap<PeerName, Peer>
type Measured = LoadResult & { readonly serverCores: number }
type Round = ReadonlyMap<PeerName, Measured>

const LINE = lineNumber(0)
const CARRIER_CALLS_PER_S = 5
const FILLERS = 64
const REST_MS = 1_000

/** How many mark-read requests are taken, beside what the same machine can do without storing anything. */
export async function accept(options: AcceptOptions): Promise<Report> {
  const host = await describeHost(options.dir)
  await using undo = new AsyncDisposableStack()
  const database = undo.use(await databaseFor(options.store, options.dir))
  const readback = undo.use(await filledReadback(options, database?.url))
  const peers = new Map<PeerName, Peer>([
    ['bare', undo.use(await storingNothing('bare'))],
    ['fastify', undo.use(await storingNothing('fastify'))],
  ])
  if (database !== undefined)
    peers.set('inserting', undo.use(await servedBy('inserting', { DATABASE_URL: database.url })))
  peers.set('readback', readback)
  for (const peer of peers.values()) await mustAnswer(peer)
  // Each conversation once: whatever the machine's speed, the rounds after it join receipts.
  const opening = await measure(readback, { ...options, seconds: undefined }, 0)
  progress(`receipts opened: ${whole(opening.requestsPerSecond)}/s`)
  await playRound(peers, options, 0)
  const rounds: Round[] = []
  for (let number = 1; number <= options.rounds; number++) rounds.push(await playRound(peers, options, number))
  const memory = residentMiB(readback.child.pid)
  const figures = { ...conclude(rounds), residentMiB: memory, opening }
  const { dir: _dir, profile: _profile, ...settings } = options
  return {
    json: { bench: 'accept', host, settings, ...figures, rounds: rounds.map((round) => Object.fromEntries(round)) },
    text: `${hostLines(host)}\n${explain(options)}\n\n${draw(figures)}`,
  }
}

function storingNothing(name: 'bare' | 'fastify'): Promise<Peer> {
  return servedBy(name, {})
}

async function servedBy(name: PeerName, env: Readonly<Record<string, string>>): Promise<Peer> {
  await using undo = new AsyncDisposableStack()
  const port = await freePort()
  const file = join(import.meta.dirname, `peers/${name}.ts`)
  const child = undo.use(launch({ name, file, env: { PORT: String(port), ...env } }))
  const base = `http://127.0.0.1:${port}`
  await ready(child, `${base}/readyz`)
  // The same headers that Readback is sent, so that all three read as much.
  const headers = { 'sb-api-key-id': 'x'.repeat(32), 'sb-api-secret-key': 'x'.repeat(43) }
  const client = undo.use(startLoadClient(name))
  const kept = undo.move()
  return { child, base, headers, client, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function filledReadback(options: AcceptOptions, databaseUrl: string | undefined): Promise<Peer> {
  await using undo = new AsyncDisposableStack()
  const { child, base, operator } = undo.use(await startReadback({ ...options, databaseUrl }))
  const account = await createAccount(operator)
  await createLine(operator, account, LINE)
  using filler = jsonClient(base, account.keys, FILLERS)
  await setAutoMarkRead(filler, false)
  await filler.call('PUT', '/simulator/carrier', 200, { from_number: LINE, pace_per_s: CARRIER_CALLS_PER_S })
  const start = performance.now()
  await each(options.contacts, FILLERS, (index) => writeAsContact(filler, contactNumber(index), LINE, 'Hello'))
  progress(`${whole(options.contacts)} conversations made in ${fixed((performance.now() - start) / 1000, 1)} s`)
  const client = undo.use(startLoadClient('readback'))
  const kept = undo.move()
  return { child, base, headers: account.keys, client, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** One request that may be looked at, before thousands that are only counted. */
async function mustAnswer({ base, headers }: Peer): Promise<void> {
  using client = jsonClient(base, headers, 1)
  await client.call('POST', '/api/mark-read', 200, { number: contactNumber(0), from_number: LINE })
}

async function playRound(peers: Peers, options: AcceptOptions, number: number): Promise<Round> {
  const measured = new Map<PeerName, Measured>()
  for (const [name, peer] of peers) measured.set(name, await measure(peer, options, number))
  const said = [...measured].map(([name, { requestsPerSecond }]) => `${name} ${whole(requestsPerSecond)}/s`).join(', ')
  progress(`round ${number}${number === 0 ? ' (thrown away)' : ''}: ${said}`)
  return measured
}

async function measure(peer: Peer, options: Load, seed: number): Promise<Measured> {
  await sleep(REST_MS)
  const before = cpuSeconds(peer.child.pid)
  const { contacts, connections, seconds } = options
  const load = { contacts, connections, seconds, seed, from: LINE, headers: peer.headers }
  const result = await peer.client.run({ ...load, url: `${peer.base}/api/mark-read` })
  peer.child.mustLive()
  // Per request and not per second: the load lasts a little longer than what is measured of it.
  const perAnswer = (cpuSeconds(peer.child.pid) - before) / result.answers
  return { ...result, serverCores: perAnswer * result.requestsPerSecond }
}

function conclude(rounds: readonly Round[]) {
  const names = PEERS.filter((name) => rounds[0]?.has(name))
  const all = (name: PeerName, figure: keyof typeof FIGURES) =>
    rounds.map((round) => (round.get(name) as Measured)[figure])
  const of = (name: PeerName) =>
    Object.fromEntries(
      Object.keys(FIGURES).map((figure) => [figure, median(all(name, figure as keyof typeof FIGURES))]),
    )
  const ratio = (peer: PeerName, figure: 'requestsPerSecond' | 'p99Ms') =>
    median(all('readback', figure).map((value, round) => value / (all(peer, figure)[round] as number)))
  const others = names.filter((name) => name !== 'readback')
  const ratios = (figure: 'requestsPerSecond' | 'p99Ms') =>
    Object.fromEntries(others.map((name) => [name, ratio(name, figure)]))
  return {
    medians: Object.fromEntries(names.map((name) => [name, of(name)])) as Readonly<Record<PeerName, Medians>>,
    ratios: { rate: ratios('requestsPerSecond'), p99: ratios('p99Ms') },
  }
}

const FIGURES = { requestsPerSecond: 0, p50Ms: 0, p99Ms: 0, serverCores: 0, clientCores: 0 }
type Medians = Readonly<typeof FIGURES>

function explain({ contacts, connections, rounds, seconds }: AcceptOptions): string {
  return [
    `POST /api/mark-read over ${whole(contacts)} known conversations, carrier paced to ${CARRIER_CALLS_PER_S} calls/s`,
    `load: autocannon, one process, ${connections} connections, same machine; servers and client share the cores`,
    'each conversation was asked for once, so calls join receipts that wait;',
    `1 round thrown away, then ${rounds} of ${seconds} s each, taking turns; medians over the rounds, ratios per round`,
  ].join('\n')
}

type Figures = ReturnType<typeof conclude> & {
  readonly residentMiB: ReturnType<typeof residentMiB>
  readonly opening: Measured
}

function draw({ medians, ratios, residentMiB: memory, opening }: Figures): string {
  const words = {
    bare: 'bare node:http',
    fastify: 'fastify + zod, storing nothing',
    inserting: 'fastify + zod, one INSERT each',
    readback: 'Readback, every one on disk',
  }
  const rows = PEERS.flatMap((name) => {
    if (medians[name] === undefined) return []
    const { requestsPerSecond, p50Ms, p99Ms, serverCores, clientCores } = medians[name]
    return [
      [words[name], whole(requestsPerSecond), ...[p50Ms, p99Ms, serverCores, clientCores].map((x) => fixed(x, 2))],
    ]
  })
  const others = Object.keys(ratios.rate)
  const ratioRow = (figures: Readonly<Record<string, number>>) =>
    others.map((name) => fixed(figures[name] ?? Number.NaN, 2, ' ×'))
  return [
    table([['', 'requests/s', 'p50 ms', 'p99 ms', 'server cores', 'client cores'], ...rows]),
    '',
    table([
      ['Readback to', ...others],
      ['requests/s', ...ratioRow(ratios.rate)],
      ['p99', ...ratioRow(ratios.p99)],
    ]),
    '',
    `resident memory of Readback: ${fixed(memory.now, 0)} MiB, at most ${fixed(memory.peak, 0)} MiB`,
    `before the rounds, where each request opens a receipt: ${whole(opening.requestsPerSecond)}/s`,
  ].join('\n')
}
