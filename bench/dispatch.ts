import { setTimeout as sleep } from 'node:timers/promises'
import type { PostgresServer } from '../test/support/postgres.ts'
import { describeHost, hostLines } from './support/host.ts'
import { each, jsonClient } from './support/json-client.ts'
import { contactNumber, lineNumber } from './support/numbers.ts'
import { postgresServer } from './support/postgres.ts'
import { drainTime, looking, type Queue, startQueue } from './support/queue.ts'
import {
  createAccount,
  createLine,
  pauseLine,
  setAutoMarkRead,
  startReadback,
  writeAsContact,
} from './support/readback.ts'
import { fixed, progress, type Report, table, whole } from './support/report.ts'
import { median } from './support/statistics.ts'

export interface DispatchOptions {
  readonly dir: string
  readonly profile?: string | undefined
  readonly rounds: number
  /** So many are let go at once in each round. */
  readonly receipts: number
  readonly lines: number
}

const WORDS = {
  readback: 'Readback, a carrier that does nothing',
  simulator: 'Readback, receipts through the simulator',
  boss: 'pg-boss, batches of 1,000',
  bossEach: 'pg-boss, batches of 256, each job settled by itself',
  graphile: 'graphile-worker, local queue of 500',
}
type Name = keyof typeof WORDS
const NAMES = Object.keys(WORDS) as Name[]
const OTHERS = NAMES.filter((name) => name !== 'readback')
/** For each its rate in this round. */
type Round = ReadonlyMap<Name, number>

const CONNECTIONS = 64
const AIM = 1
/** What the round before left for the database to write. */
const REST_MS = 1_000

/** How fast what waits is claimed, tried and settled, beside queues that run jobs which do nothing. */
export async function dispatch(options: DispatchOptions): Promise<Report> {
  const host = await describeHost(options.dir)
  await using undo = new AsyncDisposableStack()
  const server = undo.use(await postgresServer(options.dir))
  const queues = await startAll(options, server, undo)
  await playRound(queues, options, 0)
  const rounds: Round[] = []
  for (let number = 1; number <= options.rounds; number++) rounds.push(await playRound(queues, options, number))
  const rates = NAMES.map((name) => [name, median(rounds.map((round) => rateOf(round, name)))] as const)
  const ratio = (name: Name) => median(rounds.map((round) => rateOf(round, 'readback') / rateOf(round, name)))
  const ratios = OTHERS.map((name) => [name, ratio(name)] as const)
  const verdict = ratio('boss') >= AIM ? 'met' : 'missed'
  const { dir: _dir, profile: _profile, ...settings } = options
  const figures = { perSecond: Object.fromEntries(rates), ratios: Object.fromEntries(ratios), aim: AIM, verdict }
  return {
    json: { bench: 'dispatch', host, settings, ...figures, rounds: rounds.map((round) => Object.fromEntries(round)) },
    text: [
      ...[hostLines(host), explain(options), ''],
      table([['', 'a second', 'Readback to it'], ...rates.map((rate) => row(rate, ratios))]),
      `\nto pg-boss with its batches; aim at least ${AIM} ×: ${verdict}`,
    ].join('\n'),
  }
}

function row([name, rate]: readonly [Name, number], ratios: readonly (readonly [Name, number])[]): string[] {
  const ratio = ratios.find(([peer]) => peer === name)?.[1] ?? Number.NaN
  return [WORDS[name], whole(rate), fixed(ratio, 2, ' ×')]
}

/** Each on a database of its own of one server. */
async function startAll(
  options: DispatchOptions,
  server: PostgresServer,
  undo: AsyncDisposableStack,
): Promise<ReadonlyMap<Name, Queue>> {
  const url = async () => undo.use(await server.database()).url
  const boss = async (env: Readonly<Record<string, string>>) => {
    const open = `pgboss.job where name = 'receipt' and state < 'completed'`
    return undo.use(await startQueue({ name: 'pg-boss', url: await url(), env, open }))
  }
  const open = 'graphile_worker._private_jobs'
  return new Map<Name, Queue>([
    [
      'readback',
      undo.use(
        await startQueue({ name: 'readback', url: await url(), env: { LINES: `${options.lines}` }, open: OPEN }),
      ),
    ],
    ['simulator', undo.use(await simulatorQueue(options, await url()))],
    ['boss', await boss({ BATCH: '1000' })],
    ['bossEach', await boss({ BATCH: '256', EACH_SETTLED: '1' })],
    ['graphile', undo.use(await startQueue({ name: 'graphile-worker', url: await url(), open }))],
  ])
}

const OPEN = 'receipts where settled_at is null'

/** The whole server. A receipt for each conversation, queued by calls while the lines are paused. */
async function simulatorQueue({ lines, receipts, ...options }: DispatchOptions, databaseUrl: string): Promise<Queue> {
  await using undo = new AsyncDisposableStack()
  const { base, operator } = undo.use(await startReadback({ ...options, databaseUrl }))
  const account = await createAccount(operator)
  await each(lines, 4, (index) => createLine(operator, account, lineNumber(index)))
  const client = undo.use(jsonClient(base, account.keys, CONNECTIONS))
  await setAutoMarkRead(client, false)
  const place = (index: number) => [contactNumber(Math.floor(index / lines)), lineNumber(index % lines)] as const
  // Each has a message that its receipt marks, as nearly all receipts have.
  await each(receipts, CONNECTIONS, (index) => writeAsContact(client, ...place(index), 'Hello'))
  progress(`${whole(receipts)} conversations made`)
  const open = undo.use(await looking(databaseUrl, OPEN))
  const failed = undo.use(await looking(databaseUrl, `receipts where settled_at is not null and state <> 'sent'`))
  const pause = (paused: boolean) => each(lines, 4, (index) => pauseLine(operator, lineNumber(index), paused))
  await pause(true)
  const kept = undo.move()
  return {
    fill: () =>
      each(receipts, CONNECTIONS, (index) => {
        const [number, from_number] = place(index)
        return client.call('POST', '/api/mark-read', 200, { number, from_number })
      }),
    work: () => pause(false),
    async rest() {
      await pause(true)
      if (await failed.any()) throw new Error('not every receipt was sent')
    },
    busy: () => open.any(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function playRound(queues: ReadonlyMap<Name, Queue>, options: DispatchOptions, number: number): Promise<Round> {
  const round = new Map<Name, number>()
  for (const [name, queue] of queues) {
    await queue.fill(options.receipts)
    await sleep(REST_MS)
    round.set(name, options.receipts / (await drainTime(queue)))
    await queue.rest()
  }
  const said = [...round].map(([name, rate]) => `${name} ${whole(rate)}/s`).join(', ')
  progress(`round ${number}${number === 0 ? ' (thrown away)' : ''}: ${said}`)
  return round
}

function rateOf(round: Round, name: Name): number {
  return round.get(name) ?? Number.NaN
}

function explain({ receipts, lines, rounds }: DispatchOptions): string {
  return [
    `${whole(receipts)} receipts of as many conversations wait on ${lines} paused lines, or as many jobs in a queue; then all are let go.`,
    'Until nothing is left in the database: a claim, a call to the carrier and what came of it, an event with it. Neither carrier is',
    'paced; the simulated one asks its knobs for each call, and changes its phone. Jobs do nothing.',
    `One PostgreSQL for all, with fsync; 1 round thrown away, then ${rounds}, taking turns; medians, ratios per round`,
  ].join('\n')
}
