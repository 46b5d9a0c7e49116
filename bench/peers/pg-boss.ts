// pg-boss with its batches and a handler that does nothing.
import { PgBoss, type WorkOptions } from 'pg-boss'
import { obey } from '../support/queue-peer.ts'

const { DATABASE_URL = '', BATCH, EACH_SETTLED } = process.env
const QUEUE = 'receipt'
const INSERTED_AT_ONCE = 1_000
/** Of 1, 2 and 4 workers with batches of 100, 256 and 1,000: one with the largest was the fastest, two with the others. */
const WORKERS = BATCH === '1000' ? 1 : 2
const OPTIONS: WorkOptions = {
  batchSize: Number(BATCH),
  localConcurrency: WORKERS,
  pollingIntervalSeconds: 0.5,
  // Without it a worker rests for half a second after every batch.
  burstWhenBatchFull: true,
}

const boss = new PgBoss(DATABASE_URL)
boss.on('error', (error) => {
  throw error
})
await boss.start()
await boss.createQueue(QUEUE)
let handled = 0

obey({
  async fill(jobs) {
    for (let from = 0; from < jobs; from += INSERTED_AT_ONCE) {
      const length = Math.min(INSERTED_AT_ONCE, jobs - from)
      const batch = Array.from({ length }, (_, index) => ({ data: { receipt: from + index } }))
      await boss.insert(QUEUE, batch)
    }
  },
  work() {
    if (EACH_SETTLED !== '1') {
      return boss.work(QUEUE, OPTIONS, async (jobs) => {
        handled += jobs.length
      })
    }
    return boss.work(QUEUE, { ...OPTIONS, perJobResults: true }, async (jobs) => {
      handled += jobs.length
      return jobs.map(({ id }) => ({ id, status: 'completed' as const }))
    })
  },
  rest: () => boss.offWork(QUEUE),
  handled: () => handled,
})
