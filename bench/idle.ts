import { setTimeout as sleep } from 'node:timers/promises'
import { describeHost, hostLines } from './support/host.ts'
import { each, jsonClient } from './support/json-client.ts'
import { contactNumber, lineNumber } from './support/numbers.ts'
import { cpuSeconds, residentMiB } from './support/process-use.ts'
import { createAccount, createLine, setAutoMarkRead, startReadback, writeAsContact } from './support/readback.ts'
import { fixed, progress, type Report } from './support/report.ts'

export interface IdleOptions {
  readonly dir: string
  readonly profile?: string | undefined
}

const LINES = 10
const SETTLE_MS = 10_000
const WATCH_MS = 20_000
const AIM_PERCENT = 0.2

/** What it costs to wait: lines that have worked once, and then nothing. */
export async function idle(options: IdleOptions): Promise<Report> {
  if (process.platform !== 'linux') throw new Error('idle reads /proc, which Linux alone has')
  const host = await describeHost(options.dir)
  await using readback = await startReadback(options)
  const account = await createAccount(readback.operator)
  using client = jsonClient(readback.base, account.keys)
  await setAutoMarkRead(client, true)
  await each(LINES, 1, async (index) => {
    await createLine(readback.operator, account, lineNumber(index))
    await writeAsContact(client, contactNumber(index), lineNumber(index), 'Hello')
  })
  progress(`${LINES} lines have worked; resting`)
  await sleep(SETTLE_MS)
  const cpuPercent = await watch(readback.child.pid)
  const memory = residentMiB(readback.child.pid)
  const verdict = cpuPercent < AIM_PERCENT ? 'met' : 'missed'
  return {
    json: { bench: 'idle', host, lines: LINES, cpuPercent, aimPercent: AIM_PERCENT, verdict, residentMiB: memory },
    text: [
      hostLines(host),
      `${LINES} idle lines, ${WATCH_MS / 1000} s, user and system time of all threads, from /proc`,
      '',
      `CPU ${fixed(cpuPercent, 3)} % of one core; aim below ${AIM_PERCENT} %: ${verdict}`,
      `resident memory ${fixed(memory.now, 0)} MiB`,
    ].join('\n'),
  }
}

async function watch(pid: number): Promise<number> {
  const start = performance.now()
  const before = cpuSeconds(pid)
  await sleep(WATCH_MS)
  const used = cpuSeconds(pid) - before
  return (used / ((performance.now() - start) / 1000)) * 100
}
