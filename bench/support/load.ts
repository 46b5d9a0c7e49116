import { join } from 'node:path'
import { ask, launch } from './child.ts'
import type { LoadJob, LoadReply, LoadResult } from './load-job.ts'

/** One load client in a process of its own; it is kept over the rounds, so that it is warm for all but the first. */
export interface LoadClient extends AsyncDisposable {
  run(job: LoadJob): Promise<LoadResult>
}

export function startLoadClient(name: string): LoadClient {
  const child = launch({ name: `load on ${name}`, file: join(import.meta.dirname, 'load-client.ts'), ipc: true })
  return {
    async run(job) {
      const reply = (await ask(child, job)) as LoadReply
      if ('failure' in reply) throw new Error(`${child.name}: ${reply.failure}`)
      mustBeClean(name, reply.result)
      return reply.result
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

/** A refusal is quick: counted as an answer, it would make a server look fast. */
function mustBeClean(name: string, { statuses, answers, connectionErrors }: LoadResult): void {
  const refused = Object.entries(statuses).filter(([status]) => !status.startsWith('2'))
  if (refused.length > 0) {
    const counts = refused.map(([status, count]) => `${count} × ${status}`).join(', ')
    throw new Error(`${name}: of ${answers} answers these were not 2xx: ${counts}`)
  }
  if (connectionErrors > 0) throw new Error(`${name}: ${connectionErrors} connections failed or timed out`)
  if (answers === 0) throw new Error(`${name} answered nothing`)
}
