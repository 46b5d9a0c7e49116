import assert from 'node:assert/strict'
import type { CustomerServer } from './customer-server.ts'
import type { Customer } from './readback.ts'

/** Far more than it takes on a busy machine, and far less than a million of anything does. */
const ORDINARY_MS = 10_000

/** Ten messages with their webhooks and ten receipts, one after the other, on a line of the account's. */
export async function isServedAsEver(account: Customer, line: string, endpoint: CustomerServer): Promise<void> {
  const startedAt = performance.now()
  const before = endpoint.received.length
  for (let round = 0; round < 10; round++) {
    const number = `+1415${5_550_100 + round}`
    await account.write({ number, to_number: line })
    await endpoint.at(before + round)
    await account.settled(await account.markRead(number, line))
  }
  const ms = performance.now() - startedAt
  assert.ok(ms < ORDINARY_MS, `ten of each took ${ms} ms`)
}
