import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { carriedBy, SILENT } from '../../test/support/lane.ts'
import { until } from '../../test/support/until.ts'
import type { CarrierLine } from '../core/connector.ts'
import type { LineId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import { Enrolment } from './enrolment.ts'

const LINE = { id: 1 as LineId, connector: 'test', catchUpCursor: 'row 5' } as Partial<Line> as Line

test('a carrier that is away is told again soon where to call, though the clock is set back meanwhile', async () => {
  let at = 3_600_000
  let tries = 0
  const enrolment = enrolmentBy(
    async () => {
      tries += 1
      return { kind: 'unavailable', reason: 'unreachable' }
    },
    () => at,
  )
  await enrolment.enrol(LINE.id)
  at = 0
  await enrolment.enrol(LINE.id)
  assert.equal(tries, 2)
  await until(
    'it to be told once more',
    () => tries,
    (made) => made === 3,
  )
  await enrolment.stop()
})

test('a line that is asked for again and again is enrolled by one try at a time', async () => {
  const under: PromiseWithResolvers<void>[] = []
  const enrolment = enrolmentBy(async () => {
    const call = Promise.withResolvers<void>()
    under.push(call)
    await call.promise
    return { kind: 'done' }
  })
  const begun = (tries: number) =>
    until(
      `${tries} tries`,
      () => under.length,
      (made) => made === tries,
    )
  const first = enrolment.enrol(LINE.id)
  const second = enrolment.enrol(LINE.id)
  await begun(1)
  under[0]?.resolve()
  await first
  await begun(2)
  assert.ok(enrolment.isTrying(LINE.id))
  const third = enrolment.enrol(LINE.id)
  await turn()
  assert.equal(under.length, 2)
  under[1]?.resolve()
  await second
  await begun(3)
  under[2]?.resolve()
  await third
  assert.ok(!enrolment.isTrying(LINE.id))
})

test('a carrier that refuses is told again later, and no more once somebody has asked for it before', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const outcomes: Awaited<ReturnType<NonNullable<CarrierLine['enrol']>>>[] = [
    { kind: 'rejected', reason: 'wrong_password' },
    { kind: 'rejected', reason: 'wrong_password' },
    { kind: 'done' },
  ]
  let tries = 0
  const enrolment = enrolmentBy(async () => outcomes[tries++] ?? assert.fail('it was told already'))
  t.after(() => enrolment.stop())
  const later = async () => {
    t.mock.timers.tick(60_000)
    await turn()
    return tries
  }
  await enrolment.enrol(LINE.id)
  assert.deepEqual([await later(), enrolment.isTrying(LINE.id)], [2, true])
  await enrolment.enrol(LINE.id)
  assert.ok(!enrolment.isTrying(LINE.id))
  assert.equal(await later(), 3)
})

test('lines are taken up once it is known where to call, those of this process alone, and none that is tried already', async (t) => {
  let tries = 0
  const enrolment = enrolmentBy(async () => {
    tries += 1
    return { kind: 'unavailable', reason: 'unreachable' }
  })
  t.after(() => enrolment.stop())
  const [own, others] = [new Set([LINE.id]), new Set([2 as LineId])]
  await enrolment.takeUp(own)
  await enrolment.start(() => false)
  await enrolment.takeUp(others)
  await turn()
  assert.equal(tries, 0)
  for (const _ of [1, 2]) await enrolment.takeUp(own)
  await turn()
  assert.equal(tries, 1)
})

test('a try that waits for another is not begun once all are to stop', async () => {
  const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let tries = 0
  const enrolment = enrolmentBy(async () => {
    tries += 1
    begun.resolve()
    await held.promise
    return { kind: 'done' }
  })
  for (const _ of [1, 2]) void enrolment.enrol(LINE.id)
  await begun.promise
  const stopped = enrolment.stop()
  held.resolve()
  await stopped
  assert.equal(tries, 1)
})

test('a carrier that cannot say where its messages end is not told where to call, which would leave some out', async (t) => {
  const heard: string[] = []
  const away = { kind: 'unavailable', reason: 'unreachable' } as const
  const catchUp: CarrierLine['catchUp'] = async () => {
    heard.push('asked')
    return away
  }
  const enrol = async () => {
    heard.push('told')
    return { kind: 'done' } as const
  }
  const line = { ...LINE, catchUpCursor: null }
  const enrolment = enrolmentBy(enrol, Date.now, { catchUp, line })
  t.after(() => enrolment.stop())
  await enrolment.enrol(LINE.id)
  assert.deepEqual([heard, enrolment.isTrying(LINE.id)], [['asked'], true])
})

test('a line that was changed while its carrier was told is asked how it is by the next try alone', async (t) => {
  const probe = () => assert.fail('it was asked with what holds no more')
  const enrolment = enrolmentBy(async () => ({ kind: 'done' }), Date.now, { probe, unchanged: false })
  t.after(() => enrolment.stop())
  await enrolment.enrol(LINE.id)
  assert.ok(enrolment.isTrying(LINE.id))
})

for (const stops of [false, true]) {
  const when = stops ? 'not at all where all are to stop' : 'not before'
  test(`a carrier that a removed line had is left once it was told where to call, and ${when}`, async () => {
    const heard: string[] = []
    const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const enrol = async () => {
      begun.resolve()
      await held.promise
      heard.push('told')
      return { kind: 'done' } as const
    }
    const left = Promise.withResolvers<void>()
    const leave: CarrierLine['leave'] = async (inboundUrl) => {
      heard.push(`left ${inboundUrl}`)
      left.resolve()
      return { kind: 'done', wouldCall: true }
    }
    const enrolment = enrolmentBy(enrol, Date.now, { leave })
    void enrolment.enrol(LINE.id)
    await begun.promise
    enrolment.leave({ line: LINE, inboundSecret: 'secret', now: null, isAnother: false })
    await turn()
    const stopped = stops ? enrolment.stop() : undefined
    held.resolve()
    await (stopped ?? left.promise)
    await enrolment.stop()
    assert.deepEqual(heard, stops ? ['told'] : ['told', 'left https://readback.example/secret'])
  })
}

interface More extends Pick<CarrierLine, 'catchUp' | 'probe' | 'leave'> {
  readonly line?: Line
  readonly unchanged?: boolean
}

function enrolmentBy(
  enrol: NonNullable<CarrierLine['enrol']>,
  now = Date.now,
  { line = LINE, unchanged = true, ...carrier }: More = {},
): Enrolment {
  return new Enrolment({
    store: {
      linesToEnrol: async () => [{ line, inboundSecret: 'secret', before: null }],
      noteEnrolled: async () => unchanged,
      enrolAgain: async () => {},
      getLine: async () => line,
      noteCursor: async () => {},
      inboundSecret: async () => 'secret',
    },
    connectors: carriedBy({ enrol, ...carrier }),
    noteHealth: async (_line, health) => health,
    inboundUrl: (secret) => `https://readback.example/${secret}`,
    log: SILENT,
    now,
  })
}
