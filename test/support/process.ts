import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Client, client } from './client.ts'
import { OPERATOR_TOKEN } from './readback.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')

/** A server in a process of its own, that can be killed. */
export interface ServerProcess extends StartingProcess {
  readonly base: string
  readonly operator: Client
}

export interface StartingProcess extends AsyncDisposable {
  readonly child: ChildProcess
  /** All that it wrote so far. */
  output(): string
  /** Sends the signal and answers the exit code, or the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>
}

export interface ProcessOptions {
  readonly dataDir: string
  readonly env?: Readonly<Record<string, string>>
  /** A shell command that goes before it, such as a limit. */
  readonly before?: string
  /** Where another version of it begins. */
  readonly main?: string
}

export async function startProcess(options: ProcessOptions): Promise<ServerProcess> {
  const starting = beginProcess(options)
  const { child, output } = starting
  const base = await Promise.race([
    new Promise<string>((resolve) => {
      child.stdout?.on('data', () => {
        const found = /"base":"([^"]+)"/.exec(output())?.[1]
        if (found !== undefined) resolve(found)
      })
    }),
    once(child, 'close').then(() => {
      throw new Error(`The server did not start: ${output()}`)
    }),
  ])
  return { ...starting, base, operator: client(base, { authorization: `Bearer ${OPERATOR_TOKEN}` }) }
}

/** Nobody waits until it serves. */
export function beginProcess({ dataDir, env = {}, before = ':', main = MAIN }: ProcessOptions): StartingProcess {
  // As `npm start` has them: without, a start takes twice as long.
  const { NODE_COMPILE_CACHE = '', NODE_OPTIONS = '' } = process.env
  const settings = {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE,
    NODE_OPTIONS,
    PORT: '0',
    READBACK_DATA_DIR: dataDir,
    READBACK_OPERATOR_TOKEN: OPERATOR_TOKEN,
  }
  const child = spawn('/bin/sh', ['-c', `${before}; exec "$0" "$1"`, process.execPath, main], {
    env: { ...settings, ...env },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += part))
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) {
      const closed = once(child, 'close')
      child.kill(signal)
      await closed
    }
    return child.exitCode ?? child.signalCode ?? 'SIGKILL'
  }
  return {
    child,
    output: () => text,
    end,
    async [Symbol.asyncDispose]() {
      await end('SIGKILL')
    },
  }
}
