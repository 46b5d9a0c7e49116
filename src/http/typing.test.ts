import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import type { ShowTypingCall } from '../core/typing.ts'
import { TypingStops } from './typing.ts'

test('what another process calls for puts a stop off, and calls it off once the carrier took it, unless it was before', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const ended = async (notes: readonly { readonly at: number; readonly taken: boolean }[]) => {
    const place = { number: '+14155550101' as Address, fromNumber: '+14155550100' as PhoneNumber }
    const stops = new TypingStops()
    let endedAfter: number | null = null
    let ms = 0
    const end = async () => {
      endedAfter = ms
      return { kind: 'done' } as const
    }
    stops.add({ ...place, at: 10 } as ShowTypingCall, 1_000, end)
    stops.changed({ typing: notes.map((note) => ({ ...place, ...note })) })
    for (; ms < 20_000; ms += 500) {
      mock.timers.tick(500)
      await turn()
    }
    return endedAfter
  }
  assert.equal(await ended([]), 500)
  const underWay = { at: 11, taken: false }
  assert.equal(await ended([underWay]), 9_500)
  assert.equal(await ended([underWay, { at: 11, taken: true }]), null)
  assert.equal(
    await ended([
      { at: 9, taken: false },
      { at: 9, taken: true },
    ]),
    500,
  )
})
