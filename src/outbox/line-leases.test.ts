import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { SILENT } from '../../test/support/lane.ts'
import type { LineId } from '../core/id.ts'
import type { Holding, LineWork } from '../core/leases.ts'
import type { Changes } from '../core/store.ts'
import { LineLeases } from './line-leases.ts'

const [STAYS, LEAVES, LEAVES_SOON] = [1 as LineId, 2 as LineId, 3 as LineId]

test('what comes for a line that is being given back waits for that, and is passed on to whoever has it then', async () => {
  let rounds = 0
  let held: readonly LineId[] = [STAYS, LEAVES]
  const told: [LineWork, LineId][] = []
  const nudged: LineId[] = []
  const calls = Promise.withResolvers<void>()
  const leases = new LineLeases({
    leases: {
      leaseMs: 4_000_000,
      everyMs: 1_000_000,
      async beginAnew() {},
      async hold({ wanted }): Promise<Holding> {
        rounds += 1
        assert.deepEqual(wanted, [])
        const elsewhere = new Set([STAYS, LEAVES].filter((lineId) => !held.includes(lineId)))
        return { held: new Map(held.map((lineId) => [lineId, 0])), elsewhere, surplus: held.length - 1 }
      },
      async release() {
        held = [STAYS]
      },
      tell: (work, lineIds) => told.push(...lineIds.map((lineId): [LineWork, LineId] => [work, lineId])),
    },
    onTaken() {},
    // As a dispatcher does.
    onNudge(work, lineId) {
      if (leases.holds(lineId)) nudged.push(lineId)
      else leases.pass(work, lineId)
    },
    letGo: () => calls.promise,
    log: SILENT,
  })
  await leases.start()
  leases.pass('receipts', LEAVES)
  for (let turns = 0; turns < 20; turns++) await turn()
  assert.equal(rounds, 1)
  calls.resolve()
  for (let turns = 0; turns < 20; turns++) await turn()
  await leases.stop()
  assert.deepEqual(nudged, [])
  assert.equal(rounds, 1)
  assert.deepEqual(told, [['receipts', LEAVES]])
})

test('each line is given back as soon as nothing of it is under way, whatever is on those that go with it', async () => {
  const released: (readonly LineId[] | undefined)[] = []
  const slow = Promise.withResolvers<void>()
  const held = new Map([STAYS, LEAVES, LEAVES_SOON].map((lineId) => [lineId, 0]))
  const leases = new LineLeases({
    leases: {
      leaseMs: 4_000_000,
      everyMs: 1_000_000,
      async beginAnew() {},
      hold: async () => ({ held, elsewhere: new Set(), surplus: 2 }),
      release: async (lineIds) => void released.push(lineIds),
      tell() {},
    },
    onTaken() {},
    onNudge() {},
    letGo: async ([lineId]) => (lineId === LEAVES_SOON ? undefined : slow.promise),
    log: SILENT,
  })
  await leases.start()
  for (let turns = 0; turns < 20; turns++) await turn()
  assert.deepEqual(released, [[LEAVES_SOON]])
  slow.resolve()
  for (let turns = 0; turns < 20; turns++) await turn()
  await leases.stop()
  assert.deepEqual(released, [[LEAVES_SOON], [LEAVES]])
})

test('a line that is given back while the lease is renewed is not this process’s any more, whatever that renewal saw', async () => {
  const renewal = Promise.withResolvers<void>()
  const [begun, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let rounds = 0
  const leases = new LineLeases({
    leases: {
      leaseMs: 4_000_000,
      everyMs: 1_000_000,
      async beginAnew() {},
      async hold(): Promise<Holding> {
        rounds += 1
        const held = new Map([STAYS, LEAVES].map((lineId) => [lineId, 0]))
        if (rounds > 1) {
          begun.resolve()
          await renewal.promise
        }
        return { held, elsewhere: new Set(), surplus: rounds === 1 ? 1 : 0 }
      },
      release: async () => released.resolve(),
      tell() {},
    },
    onTaken() {},
    onNudge() {},
    letGo: () => begun.promise,
    log: SILENT,
  })
  await leases.start()
  leases.changed({ freed: true } as Changes)
  await released.promise
  await turn()
  renewal.resolve()
  await leases.stop()
  assert.deepEqual([leases.holds(STAYS), leases.holds(LEAVES)], [true, false])
})

test('lanes that were refused for an old lease are told that it is new again, also where the one before took long', async (t) => {
  let at = 0
  t.after(() => mock.restoreAll())
  mock.method(performance, 'now', () => at)
  const taken: LineId[][] = []
  const leases = new LineLeases({
    leases: {
      leaseMs: 1_000_000,
      everyMs: 250_000,
      async beginAnew() {},
      async hold(): Promise<Holding> {
        // Its time runs from when it was renewed, before the answer.
        at += 100_000
        return { held: new Map([[STAYS, 0]]), elsewhere: new Set(), surplus: 0 }
      },
      async release() {},
      tell() {},
    },
    onTaken: (lineIds) => taken.push([...lineIds]),
    onNudge() {},
    letGo: async () => {},
    log: SILENT,
  })
  await leases.start()
  at = 450_000
  leases.changed({ freed: true } as Changes)
  await leases.stop()
  assert.equal(leases.mayCall(STAYS), true)
  assert.deepEqual(taken, [[STAYS], [STAYS]])
})

test('a carrier may be called when it could be as its line was taken, and sooner where the store takes that back', async () => {
  const told = [100, 200, 0]
  const leases = new LineLeases({
    leases: {
      leaseMs: 4_000_000,
      everyMs: 1_000_000,
      async beginAnew() {},
      hold: async () => ({ held: new Map([[STAYS, told.shift() as number]]), elsewhere: new Set(), surplus: 0 }),
      async release() {},
      tell() {},
    },
    onTaken() {},
    onNudge() {},
    letGo: async () => {},
    log: SILENT,
  })
  const seen: number[] = []
  await leases.start()
  for (;;) {
    seen.push(leases.nextCallAt(STAYS))
    if (told.length === 0) break
    leases.changed({ freed: true } as Changes)
    for (let turns = 0; turns < 5; turns++) await turn()
  }
  await leases.stop()
  assert.deepEqual(seen, [100, 100, 0])
})

test('what came for a line while the store was away is passed on once it is back', async () => {
  let rounds = 0
  const told: [LineWork, LineId][] = []
  const failed = Promise.withResolvers<void>()
  const leases = new LineLeases({
    leases: {
      leaseMs: 4_000_000,
      everyMs: 1_000_000,
      async beginAnew() {},
      async hold(): Promise<Holding> {
        rounds += 1
        if (rounds === 2) throw new Error('away')
        return { held: new Map(), elsewhere: new Set(rounds === 1 ? [] : [STAYS]), surplus: 0 }
      },
      async release() {},
      tell: (work, lineIds) => told.push(...lineIds.map((lineId): [LineWork, LineId] => [work, lineId])),
    },
    onTaken() {},
    onNudge() {},
    letGo: async () => {},
    log: { ...SILENT, warn: () => failed.resolve() },
  })
  await leases.start()
  leases.pass('receipts', STAYS)
  await failed.promise
  await turn()
  leases.changed({ missed: true } as Changes)
  await leases.stop()
  assert.deepEqual(told, [['receipts', STAYS]])
})
