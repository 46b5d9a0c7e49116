import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { dataFolder } from '../../../test/support/data-folder.ts'
import type { AccountId, LineId } from '../../core/id.ts'
import type { MessageFilter, MessageOrder } from '../../core/message.ts'
import type { Address } from '../../core/phone-number.ts'
import { SQLITE } from '../engine.ts'
import { countOf, matches, pageOf } from '../messages.ts'
import { migrate } from '../migrations/index.ts'
import { openWriter, toKysely } from './connection.ts'

const ADA = '+14155550101' as Address

describe('a list of messages on SQLite', () => {
  let folder: Awaited<ReturnType<typeof dataFolder>>
  let database: ReturnType<typeof openWriter>
  before(async () => {
    folder = await dataFolder()
    database = openWriter(join(folder.path, 'readback.db'))
    await migrate(toKysely(database), SQLITE)
  })
  after(async () => {
    database.close()
    await folder[Symbol.asyncDispose]()
  })

  /** How SQLite goes about the page and the count: each step on the messages. */
  function plan(filter: Partial<MessageFilter>, orderBy: MessageOrder, lines: readonly LineId[] = []) {
    const db = toKysely(database)
    const account = 1 as AccountId
    const all = { created: {}, updated: {}, sent: {}, ...filter }
    const matching = matches({ email: 'ada@example.com' }, all, () => lines)
    const page = { orderBy, direction: 'desc', limit: 50, offset: 0 } as const
    return [pageOf(db, account, matching, page), countOf(db, account, matching)].map((query) => {
      const { sql, parameters } = query.compile()
      const steps = database.prepare(`explain query plan ${sql}`).all(...(parameters as number[])) as {
        detail: string
      }[]
      return steps.map(({ detail }) => detail).filter((detail) => /messages|TEMP B-TREE/.test(detail))
    })
  }

  const LISTS: readonly [what: string, index: string, filter: Partial<MessageFilter>, order: MessageOrder][] = [
    ['all of an account’s', 'account_messages', {}, 'createdAt'],
    ['those that changed', 'changed_messages', { updated: { from: 1 } }, 'updatedAt'],
    ['those with a contact', 'contact_messages', { number: ADA }, 'createdAt'],
    ['those from a contact', 'contact_messages', { fromNumber: ADA }, 'createdAt'],
    ['those that came in on a line', 'line_messages', { lineId: 1 as LineId, outbound: false }, 'createdAt'],
    ['those of a time', 'sent_messages', { sent: { from: 1, to: 2 } }, 'sentAt'],
  ]
  for (const [what, index, filter, order] of LISTS) {
    test(`of ${what} goes by ${index}, sorts nothing and scans nothing`, () => {
      const [page = [], count = []] = plan(filter, order)
      assert.equal(page.length, 1, page.join('; '))
      assert.ok(page[0]?.startsWith(`SEARCH messages USING INDEX ${index} `), page[0])
      assert.match(count.join('; '), /^SEARCH messages USING (COVERING )?INDEX /)
    })
  }

  test('never scans all messages, whatever is asked for', () => {
    const line = [1 as LineId]
    for (const filter of [
      { number: ADA },
      { toNumber: ADA },
      { lineId: line[0] },
      { kind: 'group' },
      { group: ADA },
    ] as const) {
      for (const steps of plan(filter, 'createdAt', line)) {
        assert.ok(!steps.some((step) => step.startsWith('SCAN messages')), steps.join('; '))
      }
    }
  })
})
