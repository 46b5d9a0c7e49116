import { describeHost, hostLines } from './support/host.ts'
import { type JsonClient, jsonClient } from './support/json-client.ts'
import { contactNumber, lineNumber } from './support/numbers.ts'
import { type Load, offer } from './support/offer.ts'
import { waitOf, whenRead } from './support/phones.ts'
import { databaseFor, type Engine } from './support/postgres.ts'
import { createAccount, createLine, setAutoMarkRead, startReadback, writeAsContact } from './support/readback.ts'
import { fixed, progress, type Report, table, whole } from './support/report.ts'
import { type Summary, summary } from './support/statistics.ts'

export interface LatencyOptions {
  readonly store: Engine
  readonly dir: string
  readonly profile?: string | undefined
}

interface Outcome extends Load {
  readonly sent: number
  readonly achievedPerSecond: number
  readonly neverRead: number
  /** From accepted to read, by the server's clock. */
  readonly readMs: Summary
  /** From when the message was due to be sent to its 201, by the client's clock. */
  readonly answerMs: Summary
}

const LINE = lineNumber(0)
const CONTACTS = 1_000
const CONNECTIONS = 256
const LOADS: readonly Load[] = [
  { perSecond: 1, seconds: 15 },
  { perSecond: 100, seconds: 10 },
  { perSecond: 1_000, seconds: 10 },
]
const WARM_UP: Load = { perSecond: 200, seconds: 3 }

/** From an inbound that is accepted to "Read" on the phone that sent it, with the auto rule on. */
export async function latency(options: LatencyOptions): Promise<Report> {
  const host = await describeHost(options.dir)
  await using database = await databaseFor(options.store, options.dir)
  await using readback = await startReadback({ ...options, databaseUrl: database?.url })
  const account = await createAccount(readback.operator)
  await createLine(readback.operator, account, LINE)
  using client = jsonClient(readback.base, account.keys, CONNECTIONS)
  await setAutoMarkRead(client, true)
  await play(client, WARM_UP, 0)
  const outcomes: Outcome[] = []
  for (const [index, load] of LOADS.entries()) {
    outcomes.push(await play(client, load, index + 1))
    progress(`${load.perSecond}/s done`)
  }
  return {
    json: { bench: 'latency', host, store: options.store, contacts: CONTACTS, outcomes },
    text: `${hostLines(host)}\n${explain(options)}\n\n${draw(outcomes)}`,
  }
}

/** Each load has contacts of its own, so that a phone shows this load's messages alone. */
async function play(client: JsonClient, load: Load, group: number): Promise<Outcome> {
  const sent = load.perSecond * load.seconds
  const contact = (index: number) => contactNumber(group * CONTACTS + (index % CONTACTS))
  const { answers, tookS } = await offer(load, (index) =>
    writeAsContact(client, contact(index), LINE, `Hello ${index}`),
  )
  const phones = Array.from({ length: Math.min(CONTACTS, sent) }, (_, index) => contact(index))
  const shown = await whenRead(client, phones, LINE)
  if (shown.length !== sent) throw new Error(`the phones show ${shown.length} of ${sent} messages`)
  const waits = shown.flatMap(waitOf)
  return {
    ...load,
    sent,
    achievedPerSecond: sent / tookS,
    neverRead: sent - waits.length,
    readMs: summary(waits),
    answerMs: summary(answers),
  }
}

function explain({ store }: LatencyOptions): string {
  return [
    `inbound through POST /simulator/messages on ${store}, spread over ${whole(CONTACTS)} contacts, auto-mark-read on`,
    'accepted to read = read_at - delivered_at of the simulated phone, both stamped by the clock of the server,',
    'in whole milliseconds, and looked at after the sending; messages leave on a fixed schedule, whatever comes back',
  ].join('\n')
}

function draw(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => [
    `${whole(outcome.perSecond)}/s for ${outcome.seconds} s`,
    whole(outcome.sent),
    fixed(outcome.achievedPerSecond, 1),
    ...[outcome.readMs.p50, outcome.readMs.p99, outcome.readMs.max].map((ms) => fixed(ms, 0)),
    whole(outcome.neverRead),
    ...[outcome.answerMs.p50, outcome.answerMs.p99].map((ms) => fixed(ms, 1)),
  ])
  const head = ['inbound', 'sent', 'per s', 'read p50 ms', 'p99', 'max', 'never read', 'answer p50 ms', 'p99']
  return table([head, ...rows])
}
