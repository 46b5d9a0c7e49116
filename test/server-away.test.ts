import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataFolder } from './support/data-folder.ts'
import { CONTACT, type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

/** More than a receipt and a message have. */
const LONG_MS = 7_200_000
const PAUSED_LINE = '+19175550199'

test('what was too late before there was a server again says so, unless its carrier stood in the way before', async (t) => {
  await using folder = await dataFolder()
  const settings = { READBACK_DATA_DIR: folder.path }
  const before = await startReadback(settings)
  const account = await customer(before, { lines: [LINE, PAUSED_LINE] })
  await account.carrier({ offline: true })
  await before.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(PAUSED_LINE)}`, { paused: true })
  const tried = await askFor(account, LINE)
  const untried = await askFor(account, PAUSED_LINE)
  await account.must(200, 'POST', '/api/send-message', { number: CONTACT, from_number: PAUSED_LINE, content: 'Hello' })
  await until(
    'the carrier to be called',
    () => account.receipt(tried),
    ({ attempts }) => attempts > 0,
  )
  await before.stop()
  const real = Date.now
  t.mock.method(Date, 'now', () => real() + LONG_MS)
  await using after = await startReadback(settings)
  const mine = enter(after.base, account.accountId, account.keys)
  assert.equal(await reasonOf(mine, tried), 'unreachable')
  assert.equal(await reasonOf(mine, untried), 'server_away')
  const message = await until(
    'the message to end',
    async () => (await mine.must(200, 'GET', '/api/v2/messages?is_outbound=true')).body.data[0],
    ({ status }) => status === 'ERROR',
  )
  assert.equal(message.error_reason, 'server_away')
  assert.match(message.error_message, /No server looked after the line/)
})

/** A contact has written on that line. */
async function askFor(account: Customer, line: string): Promise<string> {
  await account.write({ to_number: line })
  return account.markRead(CONTACT, line)
}

async function reasonOf(account: Customer, id: string): Promise<string | null> {
  const { state, reason } = await account.settled(id)
  assert.equal(state, 'expired')
  return reason
}
