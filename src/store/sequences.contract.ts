import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PhoneNumber } from '../core/phone-number.ts'
import type { Receipt } from '../core/receipt.ts'
import type { Claim } from '../core/send-receipt.ts'
import { away, contactOf, type Desk, deskAt, done, open, type Place } from './desk.contract.ts'

/** What every engine keeps to, whatever happens in whatever order. */
export function describeSequences(engine: string, place: () => Promise<Place>): void {
  test(`the store on ${engine} keeps its word through any sequence: one queued and one sending, each request counted, all settled`, async (t) => {
    const seed = Date.now() & 0x7fffffff
    t.diagnostic(`seed ${seed}`)
    const step = fc.tuple(fc.constantFrom('request', 'receive', 'claim', 'done', 'away', 'release'), fc.nat({ max: 2 }))
    await using kept = await place()
    const store = await open(kept)
    let line = 9_175_550_000
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      line += 1
      await play(await deskAt(store, `+1${line}` as PhoneNumber), steps)
    })
    await fc.assert(property, { seed, numRuns: 15 }).finally(() => store.close())
  })
}

/** Plays the steps and checks after each what must hold; times are steps, and nothing ever expires. */
async function play(d: Desk, steps: readonly (readonly [string, number])[]): Promise<void> {
  const underWay: Claim[] = []
  let requested = 0
  let at = 0
  const act: Readonly<Record<string, (n: number) => Promise<unknown>>> = {
    request: async (n) => {
      requested += 1
      await d.request(contactOf(n), at)
    },
    receive: (n) => d.receive(contactOf(n), at),
    claim: async (n) => underWay.push(...(await d.claim(at, n + 1)).claims),
    done: async () => finish(done),
    away: async () => finish(away),
    // Nobody heard of the claims: their calls never come to an end.
    release: async () => {
      underWay.length = 0
      await d.store.releaseLost({ lineId: d.lineId, carried: [], at })
    },
  }
  const finish = async (come: typeof done | typeof away) => {
    const claim = underWay.shift()
    if (claim !== undefined) await d.store.settleReceipts(come(claim, at))
  }
  for (const [name, n] of steps) {
    at += 10
    await act[name]?.(n)
    await checkInvariants(d, requested)
  }
  await d.store.releaseLost({ lineId: d.lineId, carried: [], at })
  for (let round = 0; round < 4; round++) {
    at += 20
    for (const claim of (await d.claim(at)).claims) await d.store.settleReceipts(done(claim, at))
  }
  const left = (await checkInvariants(d, requested)).filter(({ state }) => state !== 'sent')
  assert.deepEqual(left, [])
}

async function checkInvariants(d: Desk, requested: number): Promise<Receipt[]> {
  const all = await d.store.listReceipts({ credentials: d.credentials, filter: { limit: 1_000 } })
  assert.equal(
    all.reduce((sum, { requests }) => sum + requests, 0),
    requested,
  )
  for (const state of ['queued', 'sending']) {
    const open = all.filter((receipt) => receipt.state === state).map(({ conversationId }) => conversationId)
    assert.equal(new Set(open).size, open.length, `one ${state} in a conversation`)
  }
  return all
}
