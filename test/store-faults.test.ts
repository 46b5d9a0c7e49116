import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, customer, enter, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

const BODY = { number: CONTACT, from_number: LINE }
/** Of 512 bytes each, as POSIX has it for `ulimit -f`. */
const FULL_AT_BLOCKS = 4_096

describe('a store that cannot be written', () => {
  test('answers 503 with retry-after while another program locks it, and goes on afterwards', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    await account.write()
    using other = new DatabaseSync(join(server.dataDir, 'readback.db'))
    other.exec('begin immediate')
    const locked = await account.call('POST', '/api/mark-read', BODY)
    assert.equal(locked.status, 503)
    const message = 'The server cannot store or read anything right now. Try again shortly.'
    assert.deepEqual(locked.body, { status: 'ERROR', message })
    const logged = server.logs.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'the store is not available')
    assert.match(logged?.error ?? '', /locked/)
    assert.equal(locked.headers.get('retry-after'), '1')
    assert.equal((await server.operator.call('GET', '/readyz')).status, 503)
    assert.equal((await server.operator.call('GET', '/healthz')).status, 200)
    assert.deepEqual((await account.must(200, 'GET', '/readback/v1/receipts')).body.data, [])
    other.exec('rollback')
    await server.operator.must(200, 'GET', '/readyz')
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
  })

  test('answers 503 when the disk is full, writes nothing by halves, and keeps what it answered with 200', async () => {
    await using folder = await dataFolder()
    const before = `trap '' XFSZ; ulimit -f ${FULL_AT_BLOCKS}`
    const first = await startProcess({ dataDir: folder.path, before })
    const account = await customer(first)
    await first.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(LINE)}`, { paused: true })
    const answered = new Set<string>()
    const full = await until(
      'the disk to be full',
      async () => {
        const wave = Array.from({ length: 50 }, (_, index) => {
          const number = `+1415${5_550_000 + answered.size + index}`
          return account.call('POST', '/api/mark-read', { number, from_number: LINE })
        })
        const answers = await Promise.all(wave)
        for (const { headers } of answers) answered.add(headers.get('readback-receipt-id') ?? 'none')
        answered.delete('none')
        return answers
      },
      (answers) => answers.some(({ status }) => status !== 200),
    )
    const refused = full.filter(({ status }) => status !== 200)
    assert.deepEqual(
      new Set(refused.map(({ status, headers }) => `${status} ${headers.get('retry-after')}`)),
      new Set(['503 1']),
    )
    assert.equal((await account.call('GET', '/healthz')).status, 200)
    // What little room there may be for it, it fills up itself.
    await until(
      'the server not to be ready',
      async () => (await account.call('GET', '/readyz')).status,
      (status) => status === 503,
    )
    await first.end('SIGKILL')

    await using second = await startProcess({ dataDir: folder.path })
    const again = enter(second.base, account.accountId, account.keys)
    const kept = new Set<string>()
    for (let cursor = ''; ; ) {
      const { body } = await again.must(200, 'GET', `/readback/v1/receipts?limit=200${cursor}`)
      for (const receipt of body.data) kept.add(receipt.receipt_id)
      if (body.next_cursor === null) break
      cursor = `&cursor=${body.next_cursor}`
    }
    assert.deepEqual(answered.difference(kept), new Set())
    using database = new DatabaseSync(join(folder.path, 'readback.db'))
    assert.equal(database.prepare('pragma integrity_check').get()?.integrity_check, 'ok')
  })

  test('takes nobody along when one call has a defect: the others of its batch are stored', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    using other = new DatabaseSync(join(server.dataDir, 'readback.db'))
    other.exec(`create trigger defect before insert on conversations when new.address = '${CONTACT}'
      begin select raise(abort, 'a defect'); end`)
    const numbers = ['+14155550100', '+14155550101', CONTACT, '+14155550102']
    const answers = await Promise.all(
      numbers.map((number) => account.call('POST', '/api/mark-read', { number, from_number: LINE })),
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 500, 200],
    )
    assert.deepEqual(answers[2]?.body, { status: 'ERROR', message: 'Internal server error' })
    const logged = server.logs.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'a defect')
    assert.deepEqual([logged?.level, logged?.error], [50, 'a defect'])
    const unknown = await account.call('GET', '/readback/v1/receipts/none')
    const ids = [...answers, unknown].map(({ headers }) => headers.get('x-request-id'))
    const levels = await until(
      'all to be logged',
      () => {
        const lines = server.logs.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'answered')
        return ids.map((id) => lines.find(({ reqId }) => reqId === id)?.level)
      },
      (each) => !each.includes(undefined),
    )
    assert.deepEqual(levels, [20, 20, 50, 20, 30], 'what an operator looks for stands out')
    for (const answer of answers.filter(({ status }) => status === 200)) {
      assert.equal((await account.settled(answer.headers.get('readback-receipt-id') ?? '')).state, 'sent')
    }
  })
})
