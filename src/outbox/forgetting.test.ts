import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SILENT } from '../../test/support/lane.ts'
import { AGED } from '../core/retention.ts'
import { Forgetting, type ForgettingOptions } from './forgetting.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NOW = 365 * DAY_MS
const DEDUPE_AGE_MS = 8
const RETENTION_MS = 4

test('what is old is forgotten when it is as old as its kind is kept, to its end and a piece at a time', async () => {
  const ages = new Map<string, number>()
  const pieces: string[] = []
  const over = Promise.withResolvers<void>()
  const look = (kind: string, before: number) => {
    ages.set(kind, NOW - before)
    pieces.push(kind)
    return pieces.filter((each) => each === kind).length === 1
  }
  const store: ForgettingOptions['store'] = {
    forgetInbound: async ({ before, limit }) => (look('inbound', before) ? limit : 0),
    forgetTokens: async ({ before, limit }) => (look('tokens', before) ? limit : 0),
    forgetTallies: async ({ before, limit }) => (look('tallies', before) ? limit : 0),
    async forgetOld({ kind, before, at, after }) {
      const first = look(kind, before)
      assert.deepEqual([at, after], [NOW, first ? 0 : 500])
      if (first) return 500
      if (kind === AGED.at(-1)) over.resolve()
      return null
    },
  }
  const options = { store, dedupeAgeMs: DEDUPE_AGE_MS, retentionMs: RETENTION_MS, log: SILENT, now: () => NOW }
  const forgetting = new Forgetting(options)
  forgetting.start()
  await over.promise
  await forgetting.stop()
  assert.deepEqual(Object.fromEntries(ages), {
    inbound: DEDUPE_AGE_MS,
    tokens: 0,
    // The dashboard's chart shows an hour.
    tallies: DAY_MS,
    attempts: RETENTION_MS,
    deliveries: RETENTION_MS,
    events: RETENTION_MS + 2 * DAY_MS,
    receipts: RETENTION_MS,
    messages: RETENTION_MS,
    phone: RETENTION_MS,
    endpoints: RETENTION_MS + 60 * DAY_MS,
  })
  const kinds = ['inbound', 'tokens', 'tallies', ...AGED]
  assert.deepEqual(
    pieces.slice(0, 2 * kinds.length),
    kinds.flatMap((kind) => [kind, kind]),
  )
})
