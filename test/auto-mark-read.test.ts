import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { type Customer, customer, type Readback, startReadback } from './support/readback.ts'

/** Each line has its own account, so that each row of the table can have its own settings. */
const LINE = '+19175550100'

interface Row {
  readonly service: 'iMessage' | 'RCS' | 'SMS'
  readonly group: boolean
  readonly parts: 1 | 3
  readonly setting: boolean
  readonly plan: 'free_api' | 'ai_agent' | 'enterprise'
  readonly gate: boolean
  readonly ageS: number
}

const DEFAULTS: Row = {
  service: 'iMessage',
  group: false,
  parts: 1,
  setting: true,
  plan: 'free_api',
  gate: true,
  ageS: 0,
}
const MAX_AGE_S = 3_600

function* everyRow(): Generator<Row> {
  for (const service of ['iMessage', 'RCS', 'SMS'] as const)
    for (const group of [false, true])
      for (const parts of [1, 3] as const)
        for (const setting of [true, false])
          for (const plan of ['free_api', 'ai_agent', 'enterprise'] as const)
            for (const gate of [true, false])
              for (const ageS of [0, MAX_AGE_S - 60, MAX_AGE_S + 60])
                yield { service, group, parts, setting, plan, gate, ageS }
}

/** The page's "What auto-fires", and `docs/api.md`, "/accounts/settings/auto-mark-read", for the gate, the plan and the age. */
function fires({ service, group, setting, plan, gate, ageS }: Row): boolean {
  return setting && gate && plan !== 'enterprise' && service === 'iMessage' && !group && ageS < MAX_AGE_S
}

async function set(server: Readback, { accountId }: Customer, { plan, gate, setting }: Row): Promise<void> {
  const change = { plan, read_receipts_enabled: gate, auto_mark_read: setting }
  await server.operator.must(200, 'PATCH', `/operator/accounts/${accountId}`, change)
}

async function write(account: Customer, { service, group, parts, ageS }: Row, index: number): Promise<void> {
  await account.write({
    number: contactOf(index),
    to_number: LINE,
    service,
    ...(group ? { group_id: `group-${index}` } : {}),
    ...(parts === 1 ? {} : { media_urls: ['https://example.com/1', 'https://example.com/2', 'https://example.com/3'] }),
    sent_at: new Date(Date.now() - ageS * 1_000).toISOString(),
  })
}

function contactOf(index: number): string {
  return `+1415${String(5_550_000 + index)}`
}

/** Plays the whole table, lets everything be sent, and answers what is wrong on the phones. */
async function differences(server: Readback): Promise<string[]> {
  const account = await customer(server, { lines: [LINE] })
  const rows = [...everyRow()]
  // All that are under the same settings come together: a change for each would be half of what this costs.
  const together = Map.groupBy(rows.entries(), ([, { setting, plan, gate }]) => JSON.stringify([setting, plan, gate]))
  for (const group of together.values()) {
    await set(server, account, group[0]?.[1] ?? DEFAULTS)
    await Promise.all(group.map(([index, row]) => write(account, row, index)))
  }
  await account.allSettled()
  const wrong = await Promise.all(
    rows.map(async (row, index) => {
      const shown = await account.phone(contactOf(index), LINE)
      const expected = Array.from({ length: row.parts }, () => fires(row))
      const read = shown.map(({ read_at }) => read_at !== null)
      return JSON.stringify(read) === JSON.stringify(expected) ? [] : [`${JSON.stringify(row)} shows ${read}`]
    }),
  )
  return wrong.flat()
}

describe('auto mark-read', () => {
  test('marks on the phone exactly what the page says, over 432 combinations', async () => {
    await using server = await startReadback({ LOG_LEVEL: 'warn' })
    assert.deepEqual(await differences(server), [])
  })

  test('is seen to fail on the phone when sending does nothing', async () => {
    await using server = await startReadback({ LOG_LEVEL: 'warn' })
    using database = new DatabaseSync(join(server.dataDir, 'readback.db'))
    database.exec(
      `create trigger deaf_phone before update of read_at on handset_messages begin select raise(ignore); end`,
    )
    const wrong = await differences(server)
    assert.equal(wrong.length, [...everyRow()].filter(fires).length)
  })

  test('says on the message why it did not fire', async () => {
    await using server = await startReadback()
    const account = await customer(server, { lines: [LINE] })
    const rows: [string | null, Partial<Row>][] = [
      [null, {}],
      ['off', { setting: false }],
      ['read_receipts_not_enabled', { gate: false }],
      ['plan', { plan: 'enterprise' }],
      ['service', { service: 'RCS' }],
      ['group', { group: true }],
      ['too_old', { ageS: MAX_AGE_S + 60 }],
    ]
    const played = [...rows.map(([, change]) => ({ ...DEFAULTS, ...change })), { ...DEFAULTS, parts: 3 } as const]
    for (const [index, row] of played.entries()) {
      await set(server, account, row)
      await write(account, row, index)
    }
    using database = new DatabaseSync(join(server.dataDir, 'readback.db'), { readOnly: true })
    const stored = database.prepare('select auto_reason from messages order by id').all()
    const reasons = stored.map(({ auto_reason }) => auto_reason)
    assert.deepEqual(reasons, [...rows.map(([reason]) => reason), null, 'not_first_part', 'not_first_part'])
  })

  test('fires once for a message that the carrier brings twice', async () => {
    await using server = await startReadback()
    const account = await customer(server, { lines: [LINE], auto: true })
    const message = { to_number: LINE, message_id: 'again' }
    assert.deepEqual(await account.write(message), await account.write(message))
    const { body } = await account.must(200, 'GET', '/readback/v1/receipts')
    assert.deepEqual([body.data.length, body.data[0].trigger, body.data[0].requests], [1, 'auto', 1])
  })

  test('shares one carrier call with a manual request in the same window', async () => {
    await using server = await startReadback()
    const account = await customer(server, { lines: [LINE], auto: true })
    const path = `/operator/lines/${encodeURIComponent(LINE)}`
    await server.operator.must(200, 'PATCH', path, { paused: true })
    await account.write({ to_number: LINE })
    const id = await account.markRead(undefined, LINE)
    await server.operator.must(200, 'PATCH', path, { paused: false })
    const receipt = await account.settled(id)
    assert.deepEqual([receipt.trigger, receipt.requests, receipt.attempts, receipt.state], ['auto', 2, 1, 'sent'])
  })

  test('takes effect on the next inbound: toggled 1,000 times without a pause, not one decision is stale', async () => {
    await using server = await startReadback({ LOG_LEVEL: 'warn' })
    const account = await customer(server, { lines: [LINE] })
    const expected: boolean[] = []
    for (let round = 0; round < 1_000; round++) {
      const on = round % 2 === 0
      await account.must(200, 'POST', '/accounts/settings/auto-mark-read', { auto_mark_read: on })
      await account.write({ number: contactOf(round), to_number: LINE })
      expected.push(on)
    }
    await account.allSettled()
    const phones = expected.map((_, round) => account.phone(contactOf(round), LINE))
    assert.deepEqual(
      (await Promise.all(phones)).map(([message]) => message?.read_at !== null),
      expected,
    )
  })
})
