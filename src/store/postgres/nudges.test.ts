import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Client, Pool } from 'pg'
import { postgresServer, requirePostgres, runSql } from '../../../test/support/postgres.ts'
import { share } from '../../../test/support/shared.ts'
import { until } from '../../../test/support/until.ts'
import type { AccountId, LineId } from '../../core/id.ts'
import type { LineWork } from '../../core/leases.ts'
import type { Address, PhoneNumber } from '../../core/phone-number.ts'
import type { Changes } from '../../core/store.ts'
import { contactOf, desk } from '../desk.contract.ts'
import { Nudges } from './nudges.ts'

describe('nudges', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)

  test('for people who look go together, twenty times a second however many receipts are opened', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    await using listening = await listener(database.url)
    const begun = performance.now()
    for (let contact = 0; contact < 100; contact++) await d.request(contactOf(contact), contact)
    const tookMs = performance.now() - begun
    const heard = await until(
      'the last to be told',
      () => listening.heard,
      ({ length }) => length > 0,
    )
    assert.ok(heard.length <= tookMs / 50 + 2, `${heard.length} in ${tookMs} ms`)
  })

  test('tell the others all of it, in pieces that NOTIFY takes, also in the moment of the end, and oneself nothing', async () => {
    await using database = await postgres.database()
    await using one = await nudging(database.url)
    await using other = await nudging(database.url)
    await until(
      'both to listen',
      () => runSql(database.url, `select 1 from pg_stat_activity where query in ('listen readback', 'select 1')`),
      ({ length }) => length === 2,
    )
    const lineIds = Array.from({ length: 1_000 }, (_, index) => (Number.MAX_SAFE_INTEGER - index) as LineId)
    const [name, at] = ['x'.repeat(254), Date.now()]
    const note = { number: name as Address, fromNumber: name as PhoneNumber, at, taken: true }
    const typing = Array.from({ length: 20 }, (_, index) => ({ ...note, at: at + index }))
    one.nudges.send({ lineIds: { receipts: lineIds, inbound: [lineIds[0] as LineId] }, typing, freed: true })
    one.nudges.send({ touched: Array.from({ length: 401 }, (_, index) => (index + 1) as AccountId) })
    await until(
      'all to be told',
      () => other.heard,
      (heard) => heard.some(({ touched }) => touched === 'all'),
    )
    const told = (work: LineWork) => other.heard.flatMap((changes) => changes.lineIds?.[work] ?? [])
    assert.deepEqual([told('receipts'), told('messages'), told('inbound')], [lineIds, [], [lineIds[0]]])
    assert.deepEqual(
      other.heard.flatMap((changes) => changes.typing ?? []),
      typing,
    )
    assert.ok(other.heard.some(({ freed }) => freed))
    assert.ok(!other.heard.some(({ events }) => events))
    other.nudges.send({ touched: [7 as AccountId] })
    await other.nudges.close()
    const heard = await until(
      'the end of the other',
      () => one.heard,
      ({ length }) => length > 0,
    )
    assert.deepEqual(
      heard.map(({ touched }) => touched),
      [[7]],
    )
  })
})

async function nudging(url: string) {
  const heard: Changes[] = []
  const pool = new Pool({ connectionString: url })
  const nudges = new Nudges(url, pool, (changes) => {
    // A machine that is busy may have had to connect again.
    if (!changes.missed) heard.push(changes)
  })
  await nudges.start()
  const end = async () => {
    await nudges.close()
    await pool.end()
  }
  return { nudges, heard, [Symbol.asyncDispose]: end }
}

async function listener(url: string) {
  const heard: string[] = []
  const client = new Client(url)
  client.on('notification', ({ payload = '' }) => heard.push(payload))
  await client.connect()
  await client.query('listen readback')
  return { heard, [Symbol.asyncDispose]: () => client.end() }
}
