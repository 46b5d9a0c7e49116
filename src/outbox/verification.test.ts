import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { CarrierLine } from '../core/connector.ts'
import type { Line } from '../core/line.ts'
import { type Sent, Verification } from './verification.ts'

test('once it stops nothing is looked at, neither again nor what a carrier takes last: nobody waits for it', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const looks: PromiseWithResolvers<boolean>[] = []
  const verify = () => {
    looks.push(Promise.withResolvers())
    return looks.at(-1)?.promise
  }
  const log = { info() {}, warn() {}, error() {} }
  const verification = new Verification({ store: { noteVerification: async () => 0 }, lookAt() {}, log, now: () => 0 })
  const line = { id: 1, health: { status: 'ONLINE', reason: null } } as Line
  const sent: Sent = { line, carrier: { verify } as unknown as CarrierLine, receiptIds: [], carrierMessageId: 'a' }
  verification.sent(sent)
  mock.timers.tick(2_000)
  const stopped = verification.stop()
  verification.sent(sent)
  looks[0]?.resolve(false)
  await stopped
  mock.timers.tick(60_000)
  assert.equal(looks.length, 1)
})
