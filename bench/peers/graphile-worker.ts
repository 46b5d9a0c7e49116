// graphile-worker with its local queue and its batches, as its page on performance has them, and a task that does nothing.
import { Logger, makeWorkerUtils, type Runner, run } from 'graphile-worker'
import { obey } from '../support/queue-peer.ts'

const { DATABASE_URL = '' } = process.env
const TASK = 'receipt'
const AT_ONCE = 1_000
const WORKER = {
  connectionString: DATABASE_URL,
  concurrentJobs: 24,
  maxPoolSize: 25,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
}

// A line in the log for each job would be what is measured.
const logger = new Logger(() => () => {})
const utils = await makeWorkerUtils({ connectionString: DATABASE_URL, logger })
await utils.migrate()
let handled = 0
let runner: Runner | undefined

obey({
  async fill(jobs) {
    for (let from = 0; from < jobs; from += AT_ONCE) {
      const length = Math.min(AT_ONCE, jobs - from)
      await utils.addJobs(
        Array.from({ length }, (_, index) => ({ identifier: TASK, payload: { receipt: from + index } })),
      )
    }
  },
  async work() {
    const count = async () => {
      handled += 1
    }
    runner = await run({ preset: { worker: WORKER }, logger, noHandleSignals: true, taskList: { [TASK]: count } })
  },
  rest: async () => runner?.stop(),
  handled: () => handled,
})
