import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Account } from './account.ts'
import { AUTO_REASONS, type AutoReason, type AutoSubject, autoMarkRead } from './auto-mark-read.ts'

const RULE = { plans: ['free_api', 'ai_agent'], maxAgeMs: 1_000 }
const ACCOUNT: Account = {
  id: 1 as Account['id'],
  email: 'ada@example.com',
  plan: 'free_api',
  readReceiptsEnabled: true,
  autoMarkRead: true,
  autoTiming: { mode: 'on_arrival' },
  disabled: false,
  createdAt: 0,
}
const MESSAGE: AutoSubject = { service: 'iMessage', kind: 'direct', part: 0, sentAt: 0, carrierNow: 1_000 }

const ROWS: readonly [AutoReason | null, Partial<Account>, Partial<AutoSubject>][] = [
  [null, {}, {}],
  [null, { plan: 'ai_agent' }, {}],
  // A carrier whose clock runs behind: the message is from its future.
  [null, {}, { carrierNow: -5_000 }],
  ['account_disabled', { disabled: true }, {}],
  ['off', { autoMarkRead: false }, {}],
  ['read_receipts_not_enabled', { readReceiptsEnabled: false }, {}],
  ['plan', { plan: 'enterprise' }, {}],
  ['service', {}, { service: 'RCS' }],
  ['service', {}, { service: 'SMS' }],
  ['group', {}, { kind: 'group' }],
  ['not_first_part', {}, { part: 1 }],
  ['too_old', {}, { carrierNow: 1_001 }],
]

for (const [reason, account, message] of ROWS) {
  const told = JSON.stringify({ ...account, ...message })
  test(`the auto rule ${reason === null ? 'fires' : `does not fire: ${reason}`} with ${told}`, () => {
    assert.equal(autoMarkRead({ ...ACCOUNT, ...account }, { ...MESSAGE, ...message }, RULE), reason)
  })
}

test('the auto rule says the first of the reasons why it does not fire', () => {
  for (const [at, reason] of AUTO_REASONS.entries()) {
    const rows = ROWS.filter(([each]) => each !== null && AUTO_REASONS.indexOf(each) >= at)
    const account = Object.assign({ ...ACCOUNT }, ...rows.map(([, change]) => change))
    const message = Object.assign({ ...MESSAGE }, ...rows.map(([, , change]) => change))
    assert.equal(autoMarkRead(account, message, RULE), reason)
  }
})
