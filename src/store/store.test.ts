import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeMessages } from './messages.contract.ts'
import { describeSequences } from './sequences.contract.ts'
import { describeStore } from './store.contract.ts'

describeStore('SQLite', place)
describeSequences('SQLite', place)
describeMessages('SQLite', place)

async function place() {
  const folder = await mkdtemp(join(tmpdir(), 'readback-test-'))
  return {
    url: `sqlite:${join(folder, 'readback.db')}`,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
