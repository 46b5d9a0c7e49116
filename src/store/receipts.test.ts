import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { dataFolder } from '../../test/support/data-folder.ts'
import { contactOf, desk } from './desk.contract.ts'
import { receiptsIn } from './receipts.ts'
import { openWriter, toKysely } from './sqlite/connection.ts'

test('a receipt that settles while a conversation is looked at is seen once', async () => {
  await using folder = await dataFolder()
  const path = join(folder.path, 'readback.db')
  const d = await desk({ url: `sqlite:${path}`, async [Symbol.asyncDispose]() {} })
  const id = await d.request(contactOf(0), 1)
  const { accountId, conversationId } = await d.receipt(id)
  const database = openWriter(path)
  const prepare = database.prepare.bind(database)
  let looks = 0
  database.prepare = (text) => {
    looks += 1
    if (looks === 2) database.exec(`update receipts set state = 'sent', settled_at = 2, next_attempt_at = null`)
    return prepare(text)
  }
  const which = { from: 0, limit: 9, order: 'desc' } as const
  const found = await receiptsIn({ db: toKysely(database) } as never, { accountId, id: conversationId }, which)
  assert.deepEqual(
    found.map((receipt) => [receipt.id, receipt.state]),
    [[id, 'sent']],
  )
  database.close()
  await d[Symbol.asyncDispose]()
})
