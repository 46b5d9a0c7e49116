import { type Kysely, sql } from 'kysely'
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from 'kysely/migration'
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
import { ending } from './0012-ending.ts'
import { room } from './0013-room.ts'
import { serviceTime } from './0014-service-time.ts'
import { unread } from './0015-unread.ts'
import { inboundBase } from './0016-inbound-base.ts'
import { marked } from './0017-marked.ts'
import { sessionEnds } from './0018-session-ends.ts'
import { enabled } from './0019-enabled.ts'
import { removals } from './0020-removals.ts'

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
  '0012-ending': ending,
  '0013-room': room,
  '0014-service-time': serviceTime,
  '0015-unread': unread,
  '0016-inbound-base': inboundBase,
  '0017-marked': marked,
  '0018-session-ends': sessionEnds,
  '0019-enabled': enabled,
  '0020-removals': removals,
}

const NOTHING_TO_DO: Migration = { async up() {} }

/** In a database that others use, too. */
interface Shared {
  /** Done first where there is something to do. */
  readonly alone: Migration['up']
  /** Without it Kysely takes its tables in anybody's schema for ours. */
  readonly migrationTableSchema: string
}

/**
 * Brings the tables up to date, all or nothing. Answers the migrations of a newer version that has been here: they take nothing away
 * but indexes, so this one can go on, as it does where it runs while they do.
 */
export async function migrate(
  db: Kysely<Tables>,
  engine: Engine,
  { alone = NOTHING_TO_DO.up, ...schema }: Partial<Shared> = {},
): Promise<readonly string[]> {
  const known = Object.fromEntries(Object.entries(MIGRATIONS).map(([name, make]) => [name, after(alone, make(engine))]))
  for (let newer: readonly string[] = []; ; ) {
    const migrations = { ...known, ...Object.fromEntries(newer.map((name) => [name, NOTHING_TO_DO])) }
    const provider = { getMigrations: async () => migrations }
    const { error } = await new Migrator({ db, provider, ...schema }).migrateToLatest()
    if (error === undefined) return newer
    const unknown = (await executed(db)).filter((name) => !(name in known))
    if (unknown.length === newer.length) throw error
    newer = unknown
  }
}

function after(before: Migration['up'], { up }: Migration): Migration {
  return {
    async up(db) {
      await before(db)
      await up(db)
    },
  }
}

export function tellOfNewer(newer: readonly string[]): string {
  return `a newer version has migrated the store (${newer.join(', ')}): this one goes on with what it knows of it`
}

/** Whose migrations Kysely's table tells of, as the path finds it. Ours, where it tells of another program's, too. */
export async function whoseMigrations(db: Kysely<Tables>): Promise<'nobody' | 'ours' | 'theirs'> {
  const { rows } = await EXECUTED.execute(db)
  if (rows.length === 0) return 'nobody'
  return rows.some(isOurs) ? 'ours' : 'theirs'
}

export function isOurs({ name }: { name: string }): boolean {
  return name in MIGRATIONS
}

const EXECUTED = sql<{ name: string }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)} order by name`

async function executed(db: Kysely<Tables>): Promise<string[]> {
  try {
    return (await EXECUTED.execute(db)).rows.map(({ name }) => name)
  } catch {
    // What kept the migrations from running says more.
    return []
  }
}
