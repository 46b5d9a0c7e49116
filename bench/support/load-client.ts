import autocannon from 'autocannon'
import { type LoadJob, type LoadReply, type LoadResult, RAMP_S } from './load-job.ts'
import { contactNumber } from './numbers.ts'
import { shuffled, summary } from './statistics.ts'

interface Tally {
  readonly latencies: readonly number[]
  readonly statuses: Readonly<Record<string, number>>
  /** Of what was measured; once it is over. */
  readonly took: { readonly seconds: number; readonly cpuSeconds: number }
}

process.once('disconnect', () => process.exit())
process.on('message', (job: LoadJob) => {
  load(job).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ failure: String(error) }),
  )
})

function reply(message: LoadReply): void {
  process.send?.(message)
}

async function load(job: LoadJob): Promise<LoadResult> {
  const { promise: finished, resolve, reject } = Promise.withResolvers<autocannon.Result>()
  const options = {
    url: job.url,
    method: 'POST' as const,
    headers: { ...job.headers, 'content-type': 'application/json' },
    connections: job.connections,
    ...(job.seconds === undefined ? { amount: job.contacts } : { duration: Math.ceil(RAMP_S + job.seconds) }),
    setupClient: spread(job),
  }
  const instance = autocannon(options, (error, result) => (error ? reject(error) : resolve(result)))
  const tally = watch(instance, job.seconds)
  const { errors } = await finished
  const { p50, p99 } = summary(tally.latencies)
  return {
    requestsPerSecond: tally.latencies.length / tally.took.seconds,
    p50Ms: p50,
    p99Ms: p99,
    answers: Object.values(tally.statuses).reduce((sum, count) => sum + count, 0),
    statuses: tally.statuses,
    connectionErrors: errors,
    clientCores: tally.took.cpuSeconds / tally.took.seconds,
  }
}

/** Each connection walks through its own share of the contacts; built beforehand, so that the client has less to do. */
function spread({ contacts, among, connections, from, seed }: LoadJob): (client: autocannon.Client) => void {
  const { first, step } = among ?? { first: 0, step: 1 }
  const order = shuffled(contacts, seed)
  let connection = 0
  return (client) => {
    const share = order.filter((_, index) => index % connections === connection)
    connection += 1
    const bodies = Array.from(share, (index) =>
      JSON.stringify({ number: contactNumber(first + index * step), from_number: from }),
    )
    client.setRequests(bodies.map((body) => ({ body })))
  }
}

/** autocannon's own histogram knows whole milliseconds only, and counts from before the connections stand. */
function watch(instance: autocannon.Instance, seconds: number | undefined): Tally {
  const latencies: number[] = []
  const statuses: Record<string, number> = {}
  let begun: { readonly at: number; readonly cpu: NodeJS.CpuUsage } | undefined
  let took: Tally['took'] | undefined
  const begin = () => {
    begun = { at: performance.now(), cpu: process.cpuUsage() }
  }
  const end = () => {
    if (begun === undefined || took !== undefined) return
    const { user, system } = process.cpuUsage(begun.cpu)
    took = { seconds: (performance.now() - begun.at) / 1000, cpuSeconds: (user + system) / 1e6 }
  }
  instance.on('start', () => {
    if (seconds === undefined) return begin()
    setTimeout(begin, RAMP_S * 1000)
    setTimeout(end, (RAMP_S + seconds) * 1000)
  })
  instance.on('done', end)
  instance.on('response', (_client, status, _bytes, latency) => {
    statuses[status] = (statuses[status] ?? 0) + 1
    if (begun !== undefined && took === undefined) latencies.push(latency)
  })
  return {
    latencies,
    statuses,
    get took() {
      if (took === undefined) throw new Error('the load has not been measured')
      return took
    },
  }
}
