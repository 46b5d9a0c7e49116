import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Client } from 'pg'
import { postgresServer, requirePostgres } from '../../../test/support/postgres.ts'
import { share } from '../../../test/support/shared.ts'
import { until } from '../../../test/support/until.ts'
import { contactOf, desk } from '../desk.contract.ts'

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
})

async function listener(url: string) {
  const heard: string[] = []
  const client = new Client(url)
  client.on('notification', ({ payload = '' }) => heard.push(payload))
  await client.connect()
  await client.query('listen readback')
  return { heard, [Symbol.asyncDispose]: () => client.end() }
}
