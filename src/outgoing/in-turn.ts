import type { LookupFunction } from 'node:net'

/** No call waits longer. Whoever asked has given up by then, and the next one is served. */
const LONGEST_WAIT_MS = 60_000

type Told = Parameters<Parameters<LookupFunction>[2]>

/**
 * One name after the other, and one that is asked for meanwhile once for all. libuv looks up two names at a time for the whole process,
 * and one whose servers are silent takes 10 s and more: what customers name must leave the other place to carriers and the database.
 */
export function inTurn(lookup: LookupFunction): LookupFunction {
  const asked = new Map<string, Promise<Told>>()
  let last: Promise<unknown> = Promise.resolve()
  return (hostname, options, callback) => {
    const name = JSON.stringify([hostname, options])
    const known = asked.get(name)
    const begun = () => last.then(begin(lookup, hostname, options)).catch(asTold)
    const told = known ?? begun().finally(() => asked.delete(name))
    if (known === undefined) {
      asked.set(name, told)
      last = told
    }
    void told.then((words) => callback(...words))
  }
}

function begin(lookup: LookupFunction, ...of: [string, Parameters<LookupFunction>[1]]): () => Promise<Told> {
  const askedAt = performance.now()
  return () =>
    new Promise((resolve) => {
      if (performance.now() - askedAt < LONGEST_WAIT_MS) lookup(...of, (...told) => resolve(told))
      else resolve([Object.assign(new Error('Not looked up in time'), { code: 'ETIMEDOUT' }), '', 0])
    })
}

/** What cannot be looked up at all keeps nobody behind it waiting. */
function asTold(error: Error): Told {
  return [error, '', 0]
}
