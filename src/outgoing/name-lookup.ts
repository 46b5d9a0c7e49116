import type { LookupAddress } from 'node:dns'
import type dns from 'node:dns/promises'
import type { LookupFunction } from 'node:net'

/** No call waits longer. Whoever asked has given up by then, and the next one is served. */
const LONGEST_WAIT_MS = 60_000

type Options = Parameters<LookupFunction>[1]
type Told = Parameters<Parameters<LookupFunction>[2]>
type Resolver = Pick<dns.Resolver, 'resolve4' | 'resolve6'>

/**
 * For names that customers give. The system looks up two at a time for the whole process (libuv), and one whose servers are silent takes
 * it 10 s and more: two such names would keep carriers and every other customer waiting. So servers are asked from here, side by side;
 * what they do not know, such as what stands in the hosts file, the system is asked for, one name after the other.
 */
export function customersLookup(resolver: Resolver, ofSystem: LookupFunction): LookupFunction {
  const inTurn = oneAfterTheOther(ofSystem)
  return (hostname, options, callback) => {
    void addressesOf(hostname, resolver).then((addresses) => {
      const [first] = addresses
      if (first === undefined) inTurn(hostname, options, callback)
      else if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}

/** A name of one word is nobody's in public: it is in the hosts file, or in the domain of this machine. */
async function addressesOf(hostname: string, resolver: Resolver): Promise<LookupAddress[]> {
  if (!hostname.includes('.')) return []
  const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  return [...addressesIn(four, 4), ...addressesIn(six, 6)]
}

function addressesIn(answer: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] {
  return answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family })) : []
}

/** One that is asked for meanwhile is asked for once. */
function oneAfterTheOther(lookup: LookupFunction): LookupFunction {
  const asked = new Map<string, Promise<Told>>()
  let last: Promise<unknown> = Promise.resolve()
  return (hostname, options, callback) => {
    const name = JSON.stringify([hostname, options])
    const begun = () => last.then(begin(lookup, hostname, options)).catch(asTold)
    const told = asked.get(name) ?? begun().finally(() => asked.delete(name))
    if (!asked.has(name)) {
      asked.set(name, told)
      last = told
    }
    void told.then((words) => callback(...words))
  }
}

function begin(lookup: LookupFunction, ...of: [string, Options]): () => Promise<Told> {
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
