import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cuttingProxy, through } from './support/cutting-proxy.ts'
import { dataFolder } from './support/data-folder.ts'
import { startMacs } from './support/macs.ts'
import { nodeSettings, ownServer, requireOwnPostgres, runSql } from './support/postgres.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, customer, enter, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

test('a node that stood still between its claim and its call leaves the call to the node that has the line by then', {
  skip: requireOwnPostgres(),
}, async () => {
  await using macs = await startMacs(() => 0)
  await using postgres = await ownServer()
  await using database = await postgres.database()
  await using proxy = await cuttingProxy(postgres.port)
  await using folder = await dataFolder()
  const settings = { ...nodeSettings(database), READBACK_LEASE_S: '3', READBACK_CARRIER_TIMEOUT_S: '0.5' }
  const env = { ...settings, DATABASE_URL: through(database, proxy.port) }
  await using a = await startProcess({ dataDir: folder.path, env })
  const onA = await customer(a, { lines: [] })
  const draft = { number: LINE, connector: 'bluebubbles', settings: { url: macs.url('mac'), password: 'secret' } }
  await a.operator.must(201, 'POST', `/operator/accounts/${onA.accountId}/lines`, draft)
  await until(
    'A to have the line',
    () => runSql(database.url, 'select 1 from line_leases where node is not null'),
    ({ length }) => length === 1,
  )
  await using b = await startReadback(settings)
  proxy.onCommit('send receipts', () => a.child.kill('SIGSTOP'))
  const receiptId = await onA.markRead(CONTACT)
  const receipt = await enter(b.base, onA.accountId, onA.keys).settled(receiptId)
  assert.deepEqual([receipt.state, receipt.attempts, macs.reads.length], ['sent', 1, 1])
  a.child.kill('SIGCONT')
  // Where it stood still for long it gave the claim up, and has not heard of it.
  await until('its lane to have looked about', a.output, (said) => said.includes('a lane could not go on'))
  await onA.must(200, 'GET', `/readback/v1/receipts/${receiptId}`)
  assert.equal(macs.reads.length, 1)
})
