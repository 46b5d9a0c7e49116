import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { dataFolder } from './support/data-folder.ts'
import { type Macs, startMacs } from './support/macs.ts'
import { type Database, nodeSettings, postgresServer, requirePostgres } from './support/postgres.ts'
import { type ServerProcess, startProcess } from './support/process.ts'
import { type Customer, customer } from './support/readback.ts'
import { seeded } from './support/seeded.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'

/** `npm run chaos` sets more. */
const ROUNDS = Number(process.env.CHAOS_ROUNDS ?? 1)
const NODES = 3
const LINES = Array.from({ length: 100 }, (_, index) => `+1917555${String(100 + index).padStart(4, '0')}`)
const CONTACTS = Array.from({ length: 20 }, (_, index) => `+1415555${String(100 + index).padStart(4, '0')}`)
/** A Mac takes five a second, so it is 4 seconds at the least. */
const PATIENCE_MS = 90_000
/** A carrier call may take half of it; a Mac here takes 60 ms at the most. */
const SHORT = { READBACK_LEASE_S: '2', READBACK_CARRIER_TIMEOUT_S: '1', LOG_LEVEL: 'info' }

describe('of three nodes with 2,000 receipts over 100 lines', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)

  for (let round = 1; round <= ROUNDS; round++) {
    test(`one may be killed at any moment: all are read, and no Mac has two calls at once (round ${round})`, async (t) => {
      const seed = (Date.now() + round) & 0x7fffffff
      t.diagnostic(`seed ${seed}`)
      const random = seeded(seed)
      await using macs = await startMacs(() => 10 + 50 * random())
      await using database = await postgres.database()
      await play(macs, database, random)
      check(macs)
    })
  }
})

async function play(macs: Macs, database: Database, random: () => number): Promise<void> {
  await using folder = await dataFolder()
  await using stack = new AsyncDisposableStack()
  const env = { ...nodeSettings(database), ...SHORT }
  const nodes = await Promise.all(Array.from({ length: NODES }, () => startProcess({ dataDir: folder.path, env })))
  for (const node of nodes) stack.use(node)
  const account = await lines(nodes[0] as ServerProcess, macs)
  const killed = nodes[Math.floor(random() * NODES)] as ServerProcess
  const killing = pause(random() * 2_000).then(() => killed.end('SIGKILL'))
  const calls = LINES.flatMap((line) => CONTACTS.map((contact) => ({ number: contact, from_number: line })))
  await Promise.all(
    Array.from({ length: 16 }, async (_, caller) => {
      for (let call = caller; call < calls.length; call += 16) await accept(nodes, account, calls[call], call)
    }),
  )
  await killing
  const wanted = LINES.length * CONTACTS.length
  await until(
    'every conversation to be read',
    () => distinct(macs),
    (read) => read === wanted,
    PATIENCE_MS,
  )
}

/** As a client behind a balancer does: whoever does not answer is passed over. */
async function accept(nodes: readonly ServerProcess[], account: Customer, body: unknown, turn: number): Promise<void> {
  for (let next = turn; ; next++) {
    const { base } = nodes[next % nodes.length] as ServerProcess
    const headers = { ...account.keys, 'content-type': 'application/json' }
    const answer = await fetch(`${base}/api/mark-read`, { method: 'POST', headers, body: JSON.stringify(body) }).catch(
      () => undefined,
    )
    await answer?.arrayBuffer().catch(() => undefined)
    if (answer?.status === 200) return
  }
}

async function lines(node: ServerProcess, macs: Macs): Promise<Customer> {
  const account = await customer(node, { lines: [] })
  for (const number of LINES) {
    const settings = { url: macs.url(number.slice(1)), password: 'secret' }
    const draft = { number, connector: 'bluebubbles', settings }
    await node.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, draft)
  }
  return account
}

function distinct({ reads }: Macs): number {
  return new Set(reads.map(({ mac, chat }) => `${mac} ${chat}`)).size
}

/** Also not across the kill: the dead node's lines are free only after its last call must be over. */
function check({ reads }: Macs): void {
  const twice = reads.length - new Set(reads.map(({ mac, chat }) => `${mac} ${chat}`)).size
  assert.ok(twice <= LINES.length, `${twice} calls were repeated`)
  for (const [mac, own] of Map.groupBy(reads, ({ mac }) => mac)) {
    const inOrder = own.toSorted((a, b) => a.from - b.from)
    inOrder.forEach((read, index) => {
      const before = inOrder[index - 1]
      assert.ok(before === undefined || before.to <= read.from, `two calls at once at ${mac}`)
    })
  }
}
