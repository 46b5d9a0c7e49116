import assert from 'node:assert/strict'
import { constants, type SQLInputValue } from 'node:sqlite'
import { test } from 'node:test'
import { sqliteOperations } from '../../../test/support/sqlite-operations.ts'
import type { LineId } from '../../core/id.ts'
import type { Address } from '../../core/phone-number.ts'

const PHONE = { lineId: 1 as LineId, contact: '+14155550102' as Address }

/** As many as it has places for values. */
function zeros(sql: string): unknown[] {
  const names = sql.match(/:\w+/g)
  if (names !== null) return [Object.fromEntries(names.map((name) => [name.slice(1), 0]))]
  const numbers = (sql.match(/\?\d*/g) ?? []).map((place) => Number(place.slice(1)))
  return Array<number>(Math.max(numbers.filter((number) => number === 0).length, ...numbers, 0)).fill(0)
}

test('SQLite compiles a statement that is asked all day once, whatever its values', async () => {
  using store = await sqliteOperations(':memory:')
  const { database, operations, reads, prepared, prepare } = store
  await operations.showRead({ ...PHONE, address: PHONE.contact, kind: 'direct', at: 1 })
  await operations.claimMessage({
    lineId: PHONE.lineId,
    obstacle: 'line_paused',
    servedFrom: 0,
    nextCallAt: 1,
    ready: true,
    at: 1,
  })
  const news = [{ of: { carrierMessageId: 'msg_1' }, status: 'DELIVERED', at: 1 }] as const
  await operations.noteNews({ lineId: PHONE.lineId, news, at: 1 })
  await reads.showPhone(PHONE)
  let compiled = 0
  // It is asked for leave by what is compiled, and by nothing else.
  database.setAuthorizer(() => {
    compiled += 1
    return constants.SQLITE_OK
  })
  const compiledAgain = prepared.filter((sql) => {
    const statement = prepare(sql)
    const before = compiled
    statement.all(...(zeros(sql) as SQLInputValue[]))
    return compiled > before
  })
  assert.ok(prepared.length > 50, `${prepared.length} statements`)
  assert.deepEqual(compiledAgain, [])
})
