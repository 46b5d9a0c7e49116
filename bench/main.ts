import { statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { messageOf } from '../src/core/errors.ts'
import { accept } from './accept.ts'
import { dispatch } from './dispatch.ts'
import { growth } from './growth.ts'
import { idle } from './idle.ts'
import { inbound } from './inbound.ts'
import { lanes } from './lanes.ts'
import { latency } from './latency.ts'
import type { Engine } from './support/postgres.ts'
import type { Report } from './support/report.ts'

const USAGE = `usage: npm run bench -- <command> [options]

  accept    how many mark-read requests are taken, beside servers that store nothing
  latency   from an accepted inbound to "Read" on the phone, auto-mark-read on
  inbound   from an accepted inbound to its webhook, 1,000 a second
  idle      what ten idle lines cost
  lanes     what lines whose carrier hangs cost the others
  dispatch  how fast receipts that wait go out, beside job queues on the same PostgreSQL
  growth    what a store that holds millions of conversations makes slower

  --json            JSON on stdout instead of a table
  --dir <folder>    where stores are made (default: the system's folder for temporary files)
  --profile <dir>   leave a CPU profile of each of Readback's threads there; slows it down
  accept, latency, inbound: --store sqlite|postgres
  accept alone: --rounds 5  --seconds 8  --contacts 100000  --connections 64
  dispatch alone: --rounds 5  --receipts 20000  --lines 100
  growth alone: --store sqlite|postgres (both without)  --sizes 1000,1000000,10000000  --rounds 5  --seconds 8
                --connections 64; needs 15 GB in --dir for a while
`

const { values, positionals } = parse()
const { dir, profile } = values
const COMMANDS: Readonly<Record<string, () => Promise<Report>>> = {
  accept: () =>
    accept({
      store: storeOf(values.store ?? 'sqlite'),
      dir,
      profile,
      rounds: count('rounds'),
      seconds: count('seconds'),
      contacts: count('contacts'),
      connections: count('connections'),
    }),
  latency: () => latency({ store: storeOf(values.store ?? 'sqlite'), dir, profile }),
  inbound: () => inbound({ store: storeOf(values.store ?? 'sqlite'), dir, profile }),
  idle: () => idle({ dir, profile }),
  lanes: () => lanes({ dir, profile }),
  dispatch: () =>
    dispatch({ dir, profile, rounds: count('rounds'), receipts: count('receipts'), lines: count('lines') }),
  growth: () =>
    growth({
      stores: values.store === undefined ? ['sqlite', 'postgres'] : [storeOf(values.store)],
      dir,
      profile,
      sizes: values.sizes.split(',').map((size) => wholeNumber('sizes', size)),
      rounds: count('rounds'),
      seconds: count('seconds'),
      connections: count('connections'),
    }),
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        dir: { type: 'string', default: tmpdir() },
        profile: { type: 'string' },
        store: { type: 'string' },
        rounds: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '8' },
        contacts: { type: 'string', default: '100000' },
        connections: { type: 'string', default: '64' },
        receipts: { type: 'string', default: '20000' },
        lines: { type: 'string', default: '100' },
        sizes: { type: 'string', default: '1000,1000000,10000000' },
      },
    })
  } catch (error) {
    return refuse(messageOf(error).replaceAll('\n', ' '))
  }
}

function refuse(message: string): never {
  process.stderr.write(`${USAGE}\nbench: ${message}\n`)
  process.exit(2)
}

function storeOf(name: string): Engine {
  if (name === 'sqlite' || name === 'postgres') return name
  return refuse('--store must be sqlite or postgres')
}

function count(name: 'rounds' | 'seconds' | 'contacts' | 'connections' | 'receipts' | 'lines'): number {
  return wholeNumber(name, values[name])
}

function wholeNumber(name: string, given: string): number {
  const number = Number(given)
  if (!Number.isInteger(number) || number < 1) refuse(`--${name} must be a whole number from 1`)
  return number
}

const command = COMMANDS[positionals[0] ?? '']
if (command === undefined || positionals.length !== 1 || values.help) {
  process.stderr.write(USAGE)
  process.exitCode = values.help ? 0 : 2
} else if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) refuse(`--dir: there is no folder ${dir}`)
else {
  const report = await command()
  process.stdout.write(values.json ? `${JSON.stringify(report.json, null, 2)}\n` : `${report.text}\n`)
}
