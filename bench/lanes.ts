import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { describeHost, hostLines } from './support/host.ts'
import { each, type JsonClient, jsonClient } from './support/json-client.ts'
import { contactNumber, lineNumber } from './support/numbers.ts'
import { createAccount, createLine, startReadback } from './support/readback.ts'
import { fixed, progress, type Report, table, whole } from './support/report.ts'
import { summary } from './support/statistics.ts'

export interface LanesOptions {
  readonly dir: string
  readonly profile?: string | undefined
}

const MEASURED = 90
const OTHERS = 10
const PER_SECOND = 500
const SECONDS = 8
const ROUNDS = 3
const CONNECTIONS = 64
/** Longer than anybody waits for a carrier. */
const HANG_MS = 600_000
const AIM = 1.2
const PAGE = z.object({
  data: z.array(
    z.object({
      from_number: z.string(),
      requested_at: z.iso.datetime(),
      settled_at: z.iso.datetime().nullable(),
    }),
  ),
  next_cursor: z.string().nullable(),
})

/** The lines that are measured, ten that are well, and ten whose carrier never answers. */
const LINES = Array.from({ length: MEASURED + 2 * OTHERS }, (_, index) => lineNumber(index))
const measured = LINES.slice(0, MEASURED)
const well = LINES.slice(MEASURED, MEASURED + OTHERS)
const hanging = LINES.slice(MEASURED + OTHERS)

/** What lines whose carrier hangs cost the others: from a request to its receipt being settled, with and without them. */
export async function lanes(options: LanesOptions): Promise<Report> {
  const host = await describeHost(options.dir)
  await using readback = await startReadback(options)
  const account = await createAccount(readback.operator)
  await each(LINES.length, 4, (index) => createLine(readback.operator, account, LINES[index] as string))
  using client = jsonClient(readback.base, account.keys, CONNECTIONS)
  const hang = (from_number: string) =>
    client.call('PUT', '/simulator/carrier', 200, { from_number, latency_ms: HANG_MS })
  await Promise.all(hanging.map(hang))
  await play(client, well)
  const waits = { without: [] as number[], with: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    waits.without.push(...(await play(client, well)))
    waits.with.push(...(await play(client, hanging)))
    progress(`round ${round + 1} of ${ROUNDS} done`)
  }
  const [without, beside] = [summary(waits.without), summary(waits.with)]
  const ratio = beside.p99 / without.p99
  const verdict = ratio <= AIM ? 'met' : 'missed'
  return {
    json: { bench: 'lanes', host, without, with: beside, ratio, aim: AIM, verdict },
    text: [
      hostLines(host),
      `${MEASURED + OTHERS} lines, ${PER_SECOND} calls a second over them for ${SECONDS} s, ${ROUNDS} rounds of each, taking turns;`,
      `of the ${MEASURED} that are well in both: from a request to its receipt being settled, in whole milliseconds`,
      '',
      table([
        ['the other ten lines', 'receipts', 'p50 ms', 'p99 ms', 'max ms'],
        ['are well', whole(waits.without.length), ...figures(without)],
        ['hang', whole(waits.with.length), ...figures(beside)],
      ]),
      '',
      `p99 ${fixed(ratio, 2)} ×; aim at most ${AIM} ×: ${verdict}`,
    ].join('\n'),
  }
}

function figures({ p50, p99, max }: ReturnType<typeof summary>): string[] {
  return [p50, p99, max].map((ms) => fixed(ms, 0))
}

let contacts = 0

/** Calls when it is time, whatever the server is at, a new conversation each; answers how long the measured lines took. */
async function play(client: JsonClient, others: readonly string[]): Promise<number[]> {
  const lines = [...measured, ...others]
  const count = PER_SECOND * SECONDS
  const start = performance.now()
  const open: Promise<unknown>[] = []
  for (let index = 0; index < count; index++) {
    const early = start + (index * 1000) / PER_SECOND - performance.now()
    if (early > 0) await sleep(early)
    const call = { number: contactNumber(contacts++), from_number: lines[index % lines.length] }
    const answered = client.call('POST', '/api/mark-read', 200, call)
    // A failure is thrown below; until then it must not count as unhandled.
    answered.catch(() => {})
    open.push(answered)
  }
  await Promise.all(open)
  await sleep(1_000)
  return newest(client, count)
}

async function newest(client: JsonClient, count: number): Promise<number[]> {
  const waits: number[] = []
  let cursor = ''
  for (let seen = 0; seen < count; ) {
    const page = PAGE.parse(await client.call('GET', `/readback/v1/receipts?limit=200${cursor}`, 200))
    for (const { from_number, requested_at, settled_at } of page.data.slice(0, count - seen)) {
      if (!measured.includes(from_number)) continue
      if (settled_at === null) throw new Error(`a receipt of ${from_number} is not settled after a second`)
      waits.push(Date.parse(settled_at) - Date.parse(requested_at))
    }
    seen += page.data.length
    cursor = `&cursor=${page.next_cursor}`
  }
  return waits
}
