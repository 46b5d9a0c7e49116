import { join } from 'node:path'
import { describe } from 'node:test'
import { dataFolder } from '../../test/support/data-folder.ts'
import { postgresServer, requirePostgres } from '../../test/support/postgres.ts'
import { share } from '../../test/support/shared.ts'
import { describeDelivering } from './delivering.contract.ts'
import { describeDisabling } from './disabling.contract.ts'
import { describeEnding } from './ending.contract.ts'
import { describeEntrance } from './entrance.contract.ts'
import { describeHandset } from './handset.contract.ts'
import { describeMarking } from './marking.contract.ts'
import { describeMessages } from './messages.contract.ts'
import { describeOverdue } from './overdue.contract.ts'
import { describeOverview } from './overview.contract.ts'
import { describeReceipts } from './receipts.contract.ts'
import { describeSequences } from './sequences.contract.ts'
import { describeStore } from './store.contract.ts'

describeStore('SQLite', place)
describeEntrance('SQLite', place)
describeReceipts('SQLite', place)
describeSequences('SQLite', place)
describeMessages('SQLite', place)
describeEnding('SQLite', place)
describeOverdue('SQLite', place)
describeOverview('SQLite', place)
describeMarking('SQLite', place)
describeDelivering('SQLite', place)
describeDisabling('SQLite', place)
describeHandset('SQLite', place)

describe('PostgreSQL', { skip: requirePostgres() }, () => {
  const server = share(postgresServer)
  const database = () => server.database()

  describeStore('PostgreSQL', database)
  describeEntrance('PostgreSQL', database)
  describeReceipts('PostgreSQL', database)
  describeSequences('PostgreSQL', database)
  describeMessages('PostgreSQL', database)
  describeEnding('PostgreSQL', database)
  describeOverdue('PostgreSQL', database)
  describeOverview('PostgreSQL', database)
  describeMarking('PostgreSQL', database)
  describeDelivering('PostgreSQL', database)
  describeDisabling('PostgreSQL', database)
  describeHandset('PostgreSQL', database)
})

async function place() {
  const folder = await dataFolder()
  return {
    url: `sqlite:${join(folder.path, 'readback.db')}`,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
