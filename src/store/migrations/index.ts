import type { Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import type { Tables } from '../tables.ts'
import { start } from './0001-start.ts'
import { lines } from './0002-lines.ts'
import { replies } from './0003-replies.ts'
import { webhooks } from './0004-webhooks.ts'
import { outbound } from './0005-outbound.ts'
import { tokens } from './0006-tokens.ts'
import { messageLists } from './0008-message-lists.ts'
import { sending } from './0009-sending.ts'
import { leases } from './0010-leases.ts'
import { dashboard } from './0011-dashboard.ts'

/** Forward only: a released migration is never edited, and there is no way down. */
const MIGRATIONS: Readonly<Record<string, (engine: Engine) => Migration>> = {
  '0001-start': start,
  '0002-lines': lines,
  '0003-replies': replies,
  '0004-webhooks': webhooks,
  '0005-outbound': outbound,
  '0006-tokens': tokens,
  '0008-message-lists': messageLists,
  '0009-sending': sending,
  '0010-leases': leases,
  '0011-dashboard': dashboard,
}

export async function migrate(db: Kysely<Tables>, engine: Engine): Promise<void> {
  const migrations = Object.fromEntries(Object.entries(MIGRATIONS).map(([name, make]) => [name, make(engine)]))
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}
