import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import autocannon from 'autocannon'
import { openStore } from '../src/store/open.ts'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'

describe('what got a 200', () => {
  test('survives kill -9 with 200 requests in flight, and is sent by the next start', async () => {
    await using folder = await dataFolder()
    const first = await startProcess({ dataDir: folder.path, env: { LOG_LEVEL: 'info' } })
    const account = await customer(first)
    await account.carrier({ pace_per_s: 200 })
    const answered = new Set<string>()
    const callers = Array.from({ length: 200 }, (_, caller) => callUntilGone(account, caller, answered))
    await until(
      'some answers',
      () => answered.size,
      (count) => count >= 500,
    )
    assert.equal(await first.end('SIGKILL'), 'SIGKILL')
    await Promise.all(callers)

    await using second = await startProcess({ dataDir: folder.path })
    const again = enter(second.base, account.accountId, account.keys)
    await again.carrier({ pace_per_s: null })
    await again.allSettled()
    const receipts = await Promise.all([...answered].map((id) => again.receipt(id)))
    assert.deepEqual(
      receipts.filter(({ state }) => state !== 'sent'),
      [],
    )
  })

  test('was counted, with every call that joined', async () => {
    await using folder = await dataFolder()
    const first = await startProcess({ dataDir: folder.path })
    const account = await customer(first)
    await first.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(LINE)}`, { paused: true })
    const numbers = ['+14155550100', '+14155550101', '+14155550102']
    const ids = await Promise.all(Array.from({ length: 300 }, (_, call) => account.markRead(numbers[call % 3])))
    await first.end('SIGKILL')
    await using second = await startProcess({ dataDir: folder.path })
    const again = enter(second.base, account.accountId, account.keys)
    const receipts = await Promise.all([...new Set(ids)].map((id) => again.receipt(id)))
    assert.deepEqual(
      receipts.map(({ requests }) => requests),
      [100, 100, 100],
    )
  })

  test('is on the disk: the running writer says so, and calls made together share a commit', async () => {
    await using server = await startReadback({ LOG_LEVEL: 'warn' })
    const account = await customer(server)
    const { journal_mode, synchronous, fullfsync } = await server.durability()
    assert.deepEqual({ journal_mode, synchronous, fullfsync }, { journal_mode: 'wal', synchronous: 2, fullfsync: 1 })
    await account.carrier({ pace_per_s: 5 })
    const before = await server.durability()
    const load = await autocannon({
      url: `${server.base}/api/mark-read`,
      method: 'POST',
      headers: { ...account.keys, 'content-type': 'application/json' },
      body: JSON.stringify({ number: CONTACT, from_number: LINE }),
      connections: 64,
      amount: 10_000,
      // On a thread of its own: a client that shares this one would keep calls from coming together.
      workers: 1,
    })
    assert.deepEqual([load['2xx'], load.non2xx, load.errors], [10_000, 0, 0])
    const after = await server.durability()
    const accepted = Number(after.accepted) - Number(before.accepted)
    const commits = Number(after.commits) - Number(before.commits)
    assert.equal(accepted, 10_000)
    assert.ok(commits < accepted / 4, `${commits} commits for ${accepted} calls`)
  })

  test('has its joins folded into the receipts when many more come than a log holds', async () => {
    await using folder = await dataFolder()
    const store = await openStore({
      url: `sqlite:${join(folder.path, 'readback.db')}`,
      poolSize: 1,
      leaseMs: 30_000,
      secretKey: 'ab'.repeat(32),
      rules: {
        auto: { plans: [], maxAgeMs: 0 },
        receiptLifetimeMs: 900_000,
        messageLifetimeMs: 900_000,
        receipts: { simulator: { iMessage: 'conversation' } },
        writing: {},
        relays: [],
      },
      onChanges() {},
      onNotice() {},
      onDeath: (error) => assert.fail(error),
    })
    const at = Date.now()
    const { account, credentials } = await store.createAccount({
      email: 'a@example.com',
      plan: 'x',
      readReceiptsEnabled: true,
      at,
    })
    const fromNumber = LINE as Parameters<typeof store.markRead>[0]['fromNumber']
    await store.createLine({ accountId: account.id, number: fromNumber, connector: 'simulator', settings: {}, at })
    const call = (index: number) => {
      const number = `+1415${5_550_000 + (index % 500)}` as Parameters<typeof store.markRead>[0]['number']
      return store.markRead({ credentials, number, fromNumber, trigger: 'api', relayed: false, at })
    }
    for (let wave = 0; wave < 50; wave++) {
      await Promise.all(Array.from({ length: 1_000 }, (_, index) => call(wave * 1_000 + index)))
    }
    const receipts = await store.listReceipts({ credentials, filter: { limit: 1_000 } })
    assert.deepEqual([receipts.length, new Set(receipts.map(({ requests }) => requests))], [500, new Set([100])])
    await store.close()
  })
})

async function callUntilGone(account: Customer, caller: number, answered: Set<string>): Promise<void> {
  for (let call = 0; ; call++) {
    try {
      answered.add(await account.markRead(`+1415${5_550_000 + ((caller * 31 + call) % 400)}`))
    } catch {
      return
    }
  }
}
