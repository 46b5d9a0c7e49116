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

function enrolmentBy(enrol: NonNullable<CarrierLine['enrol']>, now = Date.now): Enrolment {
  return new Enrolment({
    store: {
      linesToEnrol: async () => [{ line: LINE, inboundSecret: 'secret', before: null }],
      noteEnrolled: async () => true,
      noteCursor: async () => {},
    },
    connectors: carriedBy({ enrol }),
    noteHealth: async (_line, health) => health,
    inboundUrl: (secret) => `https://readback.example/${secret}`,
    log: SILENT,
    now,
  })
}
