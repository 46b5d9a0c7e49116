import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe } from 'node:test'
import { dataFolder } from '../../test/support/data-folder.ts'
import { postgresServer, requirePostgres } from '../../test/support/postgres.ts'
import { share } from '../../test/support/shared.ts'
import { describeConversations } from './conversations.contract.ts'
import { describeDelivering } from './delivering.contract.ts'
import { open, type Place } from './desk.contract.ts'
import { describeDisabling } from './disabling.contract.ts'
import { describeDueEndpoints } from './due-endpoints.contract.ts'
import { describeEnding } from './ending.contract.ts'
import { describeEntrance } from './entrance.contract.ts'
import { describeHandset } from './handset.contract.ts'
import { describeMarking } from './marking.contract.ts'
import { describeMessageLanes } from './message-lanes.contract.ts'
import { describeMessages } from './messages.contract.ts'
import { describeOverdue } from './overdue.contract.ts'
import { describeOverview } from './overview.contract.ts'
import { describeReceiptLists } from './receipt-lists.contract.ts'
import { describeReceipts } from './receipts.contract.ts'
import { describeSequences } from './sequences.contract.ts'
import { describeStore } from './store.contract.ts'
import { describeTelling } from './telling.contract.ts'

const onSqlite = share(copiesOfFile)
const file = () => onSqlite.copy()

describeStore('SQLite', file)
describeEntrance('SQLite', file)
describeReceipts('SQLite', file)
describeReceiptLists('SQLite', file)
describeConversations('SQLite', file)
describeSequences('SQLite', file)
describeMessages('SQLite', file)
describeMessageLanes('SQLite', file)
describeEnding('SQLite', file)
describeOverdue('SQLite', file)
describeOverview('SQLite', file)
describeMarking('SQLite', file)
describeDelivering('SQLite', file)
describeDisabling('SQLite', file)
describeDueEndpoints('SQLite', file)
describeHandset('SQLite', file)
describeTelling('SQLite', file)

describe('PostgreSQL', { skip: requirePostgres() }, () => {
  const onPostgres = share(copiesOfDatabase)
  const database = () => onPostgres.copy()

  describeStore('PostgreSQL', database)
  describeEntrance('PostgreSQL', database)
  describeReceipts('PostgreSQL', database)
  describeReceiptLists('PostgreSQL', database)
  describeConversations('PostgreSQL', database)
  describeSequences('PostgreSQL', database)
  describeMessages('PostgreSQL', database)
  describeMessageLanes('PostgreSQL', database)
  describeEnding('PostgreSQL', database)
  describeOverdue('PostgreSQL', database)
  describeOverview('PostgreSQL', database)
  describeMarking('PostgreSQL', database)
  describeDelivering('PostgreSQL', database)
  describeDisabling('PostgreSQL', database)
  describeDueEndpoints('PostgreSQL', database)
  describeHandset('PostgreSQL', database)
  describeTelling('PostgreSQL', database)
})

/** Each test begins with what a first start leaves behind: to migrate for each would be a third of what all of this costs. */
interface Copies extends AsyncDisposable {
  copy(): Promise<Place>
}

async function copiesOfFile(): Promise<Copies> {
  const migrated = await migrate(await folder())
  return {
    async copy() {
      const place = await folder()
      await copyFile(fileOf(migrated), fileOf(place))
      return place
    },
    [Symbol.asyncDispose]: () => migrated[Symbol.asyncDispose](),
  }
}

async function copiesOfDatabase(): Promise<Copies> {
  await using undo = new AsyncDisposableStack()
  const server = undo.use(await postgresServer())
  const migrated = undo.use(await migrate(await server.database()))
  const kept = undo.move()
  return { copy: () => server.database(migrated), [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function migrate<P extends Place>(place: P): Promise<P> {
  await (await open(place)).close()
  return place
}

async function folder(): Promise<Place> {
  const { path, [Symbol.asyncDispose]: remove } = await dataFolder()
  return { url: `sqlite:${join(path, 'readback.db')}`, [Symbol.asyncDispose]: remove }
}

function fileOf({ url }: Place): string {
  return url.replace('sqlite:', '')
}
