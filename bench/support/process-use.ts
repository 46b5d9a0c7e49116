import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const MIB = 1024 * 1024
const STATE_FIELD = 3
const UTIME_FIELD = 14
const STIME_FIELD = 15

/** User and system time of a process with all of its threads, from /proc; NaN where there is none. */
export function cpuSeconds(pid: number): number {
  if (process.platform !== 'linux') return Number.NaN
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the command's name in brackets, and may hold spaces and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = [UTIME_FIELD, STIME_FIELD].map((field) => Number(fields[field - STATE_FIELD]))
  return ticks.reduce((sum, value) => sum + value, 0) / ticksPerSecond()
}

let knownTicks: number | undefined

function ticksPerSecond(): number {
  knownTicks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  return knownTicks
}

/** Resident memory now and at its highest, in MiB. */
export function residentMiB(pid: number): { now: number; peak: number } {
  if (process.platform !== 'linux') return { now: Number.NaN, peak: Number.NaN }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / MIB
  return { now: read('VmRSS'), peak: read('VmHWM') }
}
