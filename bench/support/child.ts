import { type ChildProcess, type Serializable, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process that this one started, and ends by its own pid. */
export interface Child extends AsyncDisposable {
  readonly name: string
  readonly pid: number
  readonly process: ChildProcess
  /** Throws with what the child last wrote, when it is gone. */
  mustLive(): void
}

interface Launch {
  readonly name: string
  readonly file: string
  readonly nodeFlags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly ipc?: boolean
}

// As `npm start` has them.
const { PATH, NODE_COMPILE_CACHE = '', NODE_OPTIONS = '' } = process.env
const KEPT_OUTPUT = 4_000
const DRAIN_MS = 30_000
const READY_MS = 30_000

const living = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** Starts a Node script with nothing of this process's environment but what is Node's, so that no setting leaks in. */
export function launch({ name, file, nodeFlags = [], env = {}, ipc = false }: Launch): Child {
  const child = spawn(process.execPath, [...nodeFlags, file], {
    env: { PATH, NODE_COMPILE_CACHE, NODE_OPTIONS, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  })
  if (child.pid === undefined) throw new Error(`${name} could not be started`)
  living.add(child)
  child.once('exit', () => living.delete(child))
  const output = tailOf(child)
  return {
    name,
    pid: child.pid,
    process: child,
    mustLive() {
      if (living.has(child)) return
      throw new Error(`${name} ended (${child.signalCode ?? child.exitCode}):\n${output()}`)
    },
    [Symbol.asyncDispose]: () => end(child),
  }
}

function tailOf(child: ChildProcess): () => string {
  let tail = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-KEPT_OUTPUT)
    })
  }
  return () => tail
}

async function end(child: ChildProcess): Promise<void> {
  if (!living.has(child)) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  const overdue = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS)
  await exit
  clearTimeout(overdue)
}

/** Sends a child a message and answers the next one of its own; throws when it ends instead. */
export function ask(child: Child, message: Serializable): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const gone = () => {
      try {
        child.mustLive()
      } catch (error) {
        reject(error)
      }
    }
    child.process.once('exit', gone)
    child.process.once('message', (reply) => {
      child.process.off('exit', gone)
      resolve(reply)
    })
    // Heard of here, and not as an unhandled 'error': whoever has ended already is asked why, whoever ends now says so by `exit`.
    child.process.send(message, (error) => {
      if (error !== null) gone()
    })
  })
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port to be had')
  return address.port
}

/** Waits until the child answers 200 there. */
export async function ready(child: Child, url: string): Promise<void> {
  const giveUpAt = Date.now() + READY_MS
  while (Date.now() < giveUpAt) {
    child.mustLive()
    if (await answers(url)) return
    await sleep(50)
  }
  throw new Error(`${child.name} was not ready after ${READY_MS / 1000} s`)
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url)
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
