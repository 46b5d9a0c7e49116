import { setTimeout as sleep } from 'node:timers/promises'
import { describeHost, hostLines } from './support/host.ts'
import { type JsonClient, jsonClient } from './support/json-client.ts'
import { contactNumber, lineNumber } from './support/numbers.ts'
import { type Load, offer } from './support/offer.ts'
import { waitOf, whenRead } from './support/phones.ts'
import { databaseFor, type Engine } from './support/postgres.ts'
import { createAccount, createLine, setAutoMarkRead, startReadback, writeAsContact } from './support/readback.ts'
import { fixed, progress, type Report, table, whole } from './support/report.ts'
import { type Sink, startSink } from './support/sink.ts'
import { type Summary, summary } from './support/statistics.ts'

export interface InboundOptions {
  readonly store: Engine
  readonly dir: string
  readonly profile?: string | undefined
}

const LINE = lineNumber(0)
const CONTACTS = 1_000
const CONNECTIONS = 256
/** Code that has run seldom is slow: 400 ms for the first webhooks of a thousand a second. */
const WARM_UP: Load = { perSecond: 300, seconds: 5 }
const LOAD: Load = { perSecond: 1_000, seconds: 30 }
const PATIENCE_MS = 30_000
const AIM = { p50: 10, p99: 50 }

/** What contacts write, on its way to the customer: each with a webhook, and a receipt beside it. */
export async function inbound(options: InboundOptions): Promise<Report> {
  const host = await describeHost(options.dir)
  await using sink = await startSink()
  await using database = await databaseFor(options.store, options.dir)
  await using readback = await startReadback({ ...options, databaseUrl: database?.url })
  const account = await createAccount(readback.operator)
  await createLine(readback.operator, account, LINE)
  using client = jsonClient(readback.base, account.keys, CONNECTIONS)
  await setAutoMarkRead(client, true)
  await write(client, WARM_UP, 0)
  const alone = await readTimes(client, await write(client, LOAD, 1))
  progress('without a webhook: done')
  await client.call('POST', '/api/account/webhooks', 200, { webhooks: [sink.url] })
  await write(client, WARM_UP, 2)
  await webhooksOf(sink, WARM_UP.perSecond * WARM_UP.seconds)
  sink.forget()
  const written = await write(client, LOAD, 3)
  const waits = await webhooksOf(sink, LOAD.perSecond * LOAD.seconds)
  const beside = await readTimes(client, written)
  progress('with one for each: done')
  const sent = LOAD.perSecond * LOAD.seconds
  const lost = sent - waits.waitsMs.length
  const webhook = summary(waits.waitsMs)
  const met = lost === 0 && webhook.p50 <= AIM.p50 && webhook.p99 <= AIM.p99
  return {
    json: {
      bench: 'inbound',
      host,
      store: options.store,
      load: LOAD,
      lost,
      repeated: waits.repeated,
      webhook,
      receipts: { alone, beside },
    },
    text: `${hostLines(host)}\n${explain(options)}\n\n${draw(webhook, alone, beside)}\n\n${whole(sent)} inbound, ${lost} webhooks lost, ${waits.repeated} came twice; p50 ≤ ${AIM.p50} ms, p99 ≤ ${AIM.p99} ms, none lost: ${met ? 'met' : 'missed'}`,
  }
}

/** Each group has contacts of its own. Answers their numbers. */
async function write(client: JsonClient, load: Load, group: number): Promise<string[]> {
  const contact = (index: number) => contactNumber(group * CONTACTS + (index % CONTACTS))
  await offer(load, (index) => writeAsContact(client, contact(index), LINE, `Hello ${index}`))
  return Array.from({ length: Math.min(CONTACTS, load.perSecond * load.seconds) }, (_, index) => contact(index))
}

async function webhooksOf(sink: Sink, expected: number) {
  const giveUpAt = Date.now() + PATIENCE_MS
  for (;;) {
    const came = await sink.came()
    if (came.waitsMs.length >= expected || Date.now() > giveUpAt) return came
    await sleep(200)
  }
}

async function readTimes(client: JsonClient, phones: readonly string[]): Promise<Summary> {
  const waits = (await whenRead(client, phones, LINE)).flatMap(waitOf)
  const unread = LOAD.perSecond * LOAD.seconds - waits.length
  if (unread > 0) throw new Error(`${unread} messages were never read`)
  return summary(waits)
}

function explain({ store }: InboundOptions): string {
  return [
    `${whole(LOAD.perSecond)} inbound/s for ${LOAD.seconds} s through POST /simulator/messages on ${store}, over ${whole(CONTACTS)} contacts, auto-mark-read on,`,
    'one endpoint in a process of its own on this machine; times in whole milliseconds by the one clock they share',
  ].join('\n')
}

function draw(webhook: Summary, alone: Summary, beside: Summary): string {
  const row = (name: string, { p50, p99, max }: Summary) => [name, ...[p50, p99, max].map((ms) => fixed(ms, 0))]
  return table([
    ['from accepted to', 'p50 ms', 'p99 ms', 'max ms'],
    row('webhook received', webhook),
    row('"Read" on the phone, with webhooks', beside),
    row('"Read" on the phone, without', alone),
  ])
}
