import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sqliteOperations } from '../../../test/support/sqlite-operations.ts'
import type { Address } from '../../core/phone-number.ts'
import type { ReceiptFilter } from '../../core/receipt.ts'
import { LINE } from '../desk.contract.ts'

const ADA = '+14155550101' as Address

describe('a list of receipts on SQLite', () => {
  test('with a contact goes by the conversation, however many the account has', async () => {
    const steps = (await asked({ number: ADA, limit: 50 })).flatMap(({ plan }) => plan)
    assert.deepEqual(steps, [
      'SEARCH receipts USING INDEX open_receipts (conversation_id=?)',
      'SEARCH receipts USING INDEX settled_receipts (conversation_id=?)',
    ])
  })

  test('on a line goes back through the account’s, and looks up the line of those alone that are shown', async () => {
    const [list] = await asked({ fromNumber: LINE, limit: 50 })
    assert.deepEqual(list?.plan, ['SEARCH receipts USING INDEX account_receipts (account_id=?)'])
    assert.match(list?.sql ?? '', /where .*"receipts"."line_id" in \(\?\)/)
  })
})

/** The statements that read receipts, and their steps on them. */
async function asked(filter: ReceiptFilter) {
  using store = await sqliteOperations(':memory:')
  const { operations, reads, database, prepare, prepared } = store
  const draft = { email: 'ada@example.com', plan: 'free_api', readReceiptsEnabled: true, at: 0 }
  const { account, credentials } = await operations.createAccount(draft)
  const line = { accountId: account.id, number: LINE, connector: 'simulator', settings: {}, at: 0 }
  await operations.createLine(line)
  database.exec(
    `insert into conversations (id, account_id, line_id, kind, address) values (1, ${account.id}, 1, 'direct', '${ADA}')`,
  )
  const before = prepared.length
  await reads.listReceipts({ credentials, filter })
  return prepared
    .slice(before)
    .filter((sql) => sql.includes('from "receipts"'))
    .map((sql) => {
      const steps = prepare(`explain query plan ${sql}`).all() as { detail: string }[]
      return { sql, plan: steps.map(({ detail }) => detail).filter((detail) => detail.includes('receipts')) }
    })
}
