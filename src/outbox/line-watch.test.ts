import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { carriedBy, SILENT } from '../../test/support/lane.ts'
import { until } from '../../test/support/until.ts'
import type { CarrierLine } from '../core/connector.ts'
import type { LineId } from '../core/id.ts'
import type { InboundMessage } from '../core/inbound-message.ts'
import type { Line } from '../core/line.ts'
import { LineWatch, type LineWatchOptions } from './line-watch.ts'

const DELAY_MS = 50
const NOTHING = { messages: [], replies: [], news: [], refused: [] }
const LINE = {
  id: 1 as LineId,
  connector: 'test',
  health: { status: 'UNKNOWN', reason: null },
  unverified: 0,
} as Partial<Line> as Line
const MESSAGE = {} as InboundMessage

function watching(
  store: Partial<LineWatchOptions['store']>,
  carrier: Partial<CarrierLine>,
  {
    now = Date.now,
    isTrying = () => false,
    remind = async () => 'before',
    noteHealth = async (_line, health) => health,
  }: Partial<
    Pick<LineWatchOptions, 'now' | 'noteHealth'> & Pick<LineWatchOptions['enrolment'], 'isTrying' | 'remind'>
  > = {},
): LineWatch {
  return new LineWatch({
    store: store as LineWatchOptions['store'],
    connectors: carriedBy(carrier),
    noteHealth,
    enrolment: { takeUp: async () => {}, isTrying, remind },
    nudge() {},
    onChanged() {},
    leases: undefined,
    everyMs: 60_000,
    log: SILENT,
    now,
  })
}

test('a line that is not enrolled yet is asked how it is, and nothing is fetched: its enrolment says where it begins', async () => {
  const asked: string[] = []
  const probed = Promise.withResolvers<void>()
  const carrier: Partial<CarrierLine> = {
    async catchUp(cursor) {
      asked.push(`from ${cursor}`)
      return { kind: 'unavailable', reason: 'unreachable' }
    },
    async probe() {
      asked.push('how it is')
      probed.resolve()
      return { status: 'ONLINE', reason: null }
    },
  }
  let catchUpCursor: string | null = null
  const store = { getLine: async () => ({ ...LINE, catchUpCursor }) } as Partial<LineWatchOptions['store']>
  const watch = watching(store, carrier)
  watch.nudge(LINE.id)
  await probed.promise
  assert.deepEqual(asked, ['how it is'])
  catchUpCursor = 'row 5'
  const again = new Promise<void>((resolve) => {
    carrier.probe = async () => {
      resolve()
      return { status: 'ONLINE', reason: null }
    }
  })
  watch.nudge(LINE.id)
  await again
  await watch.stop()
  assert.deepEqual(asked, ['how it is', 'from row 5'])
})

test('a line whose carrier could not be told where to call stays as that left it, whatever it says of itself', async () => {
  const noted: unknown[] = []
  const carrier: Partial<CarrierLine> = {
    catchUp: async () => ({ kind: 'done', ...NOTHING, cursor: 'row 6', comeBackMs: null }),
    probe: async () => ({ status: 'ONLINE', reason: null }),
  }
  const store = {
    getLine: async () => ({ ...LINE, health: { status: 'OFFLINE', reason: 'carrier_error' }, catchUpCursor: 'row 5' }),
    storeInbound: async () => [],
    async noteCursor() {},
  } as Partial<LineWatchOptions['store']>
  let asked = 0
  const isTrying = () => {
    asked += 1
    return asked === 1
  }
  const noteHealth: LineWatchOptions['noteHealth'] = async (_line, health) => {
    noted.push(health)
    return health
  }
  const watch = watching(store, carrier, { isTrying, noteHealth })
  for (const looks of [1, 2]) {
    watch.nudge(LINE.id)
    await until(
      `look ${looks}`,
      () => asked,
      (made) => made === looks,
    )
  }
  await watch.stop()
  assert.deepEqual(noted, [{ status: 'ONLINE', reason: null }])
})

test('a look is not put off by looks that are asked for later, and the last of them comes, too', async () => {
  const looks: number[] = []
  const carrier: Partial<CarrierLine> = {
    async catchUp() {
      looks.push(performance.now())
      return { kind: 'done', ...NOTHING, cursor: 'row 5', comeBackMs: null }
    },
  }
  const watch = watching(
    { getLine: async () => ({ ...LINE, catchUpCursor: 'row 5' }), storeInbound: async () => [] },
    carrier,
  )
  const giveUpAt = performance.now() + 5_000
  let askedFor = 0
  while (looks.length === 0 && performance.now() < giveUpAt) {
    askedFor = performance.now() + DELAY_MS
    watch.nudge(LINE.id, DELAY_MS)
    await turn()
  }
  assert.ok(looks.length > 0, 'put off as long as others were asked for')
  await until(
    'the last of them',
    () => looks.at(-1) as number,
    (at) => at >= askedFor,
  )
  await watch.stop()
})

test('a line is looked at again soon where the clock is set back after its carrier was away', async () => {
  let at = 3_600_000
  let looks = 0
  const carrier: Partial<CarrierLine> = {
    async catchUp() {
      looks += 1
      return { kind: 'unavailable', reason: 'unreachable' }
    },
  }
  const watch = watching({ getLine: async () => ({ ...LINE, catchUpCursor: 'row 5' }) }, carrier, { now: () => at })
  for (const wanted of [1, 2]) {
    const look = () => {
      watch.nudge(LINE.id)
      return looks
    }
    await until(`look ${wanted}`, look, (made) => made === wanted)
    at = 0
  }
  await watch.stop()
})

for (const [told, which, reminders] of [
  ['before', 'ten minutes later once more', [1, 1, 2]],
  ['never', 'and then no more where it takes no such word', [1, 1, 1]],
] as const) {
  test(`a carrier that gives what no hook had brought is reminded where to call, ${which}`, async (t) => {
    let at = 0
    t.mock.method(performance, 'now', () => at)
    const [seen, reminded]: [number[], string[]] = [[], []]
    let looked = Promise.withResolvers<void>()
    const store: Partial<LineWatchOptions['store']> = {
      getLine: async () => ({ ...LINE, catchUpCursor: 'row 5' }),
      storeInbound: async () => [{ messageIds: [], repeated: false, receiptId: null }],
    }
    const carrier: Partial<CarrierLine> = {
      catchUp: async () => ({ kind: 'done', ...NOTHING, messages: [MESSAGE], cursor: 'row 5', comeBackMs: null }),
      async probe() {
        looked.resolve()
        return { status: 'DEGRADED', reason: 'private_api_off' }
      },
    }
    const remind = async () => {
      reminded.push('where to call')
      return told
    }
    const watch = watching(store, carrier, { remind })
    for (at of [0, 599_000, 600_000]) {
      looked = Promise.withResolvers<void>()
      watch.nudge(LINE.id)
      await looked.promise
      await turn()
      seen.push(reminded.length)
    }
    await watch.stop()
    assert.deepEqual(seen, reminders)
  })
}
