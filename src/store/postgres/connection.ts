import { Socket } from 'node:net'
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresDialect,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import { Pool, type PoolClient, type PoolConfig, types } from 'pg'
import { messageOf, ReadbackError } from '../../core/errors.ts'
import type { Tables } from '../tables.ts'

/** No statement of ours takes near as long; what does is a store that is away. */
const STATEMENT_TIMEOUT_MS = 5_000
/** So long a call waits for one of the pool's connections, or for a new one, before it is 503. */
export const CONNECT_TIMEOUT_MS = 2_000

export function openPool(url: string, size: number): Pool {
  const pool = new Pool({
    ...connectionOptions(url),
    max: size,
    // Statements go out before those ahead of them are answered.
    pipeline: true,
    stream: () => new GatheringSocket(),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    // A node that hangs in the middle of a transaction must not hold its rows.
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    // The server's own timeouts do not reach through a connection that died in silence.
    query_timeout: STATEMENT_TIMEOUT_MS + 1_000,
  })
  return unbroken(pool)
}

/**
 * What is asked in one turn of the event loop goes out in one write: each of them wakes the server's process, and costs 0.15 ms where
 * it does.
 */
class GatheringSocket extends Socket {
  // The driver corks while it writes a statement.
  override uncork(): void {
    process.nextTick(() => super.uncork())
  }
}

/** Also where the database, or the user, has one for all that connect. */
const NO_TIMEOUT = '-c statement_timeout=0'

/** One connection without timeouts, for what takes as long as it takes; but to connect, and for locks, where those are given one. */
export function openPatientPool(url: string, lockTimeoutMs = 0): Pool {
  const pool = new Pool({
    ...connectionOptions(url, NO_TIMEOUT),
    max: 1,
    lock_timeout: lockTimeoutMs,
    connectionTimeoutMillis: STATEMENT_TIMEOUT_MS,
    // One that hangs in the middle of a migration must not keep all nodes waiting.
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
  })
  return unbroken(pool)
}

/**
 * A connection that breaks is replaced by the next call; without a listener it would end the process. The pool listens to those
 * that idle. Nobody does to one that was just handed out, or is between two queries: that the database shuts down can come in the
 * packet that ends the query before.
 */
function unbroken(pool: Pool): Pool {
  return pool.on('error', () => {}).on('connect', (client) => client.on('error', () => {}))
}

/** https://www.postgresql.org/docs/15/catalog-pg-type.html; the driver has no name for it. */
const INT8_ARRAY = 1016
const PARSERS = new Map<number, (text: string) => unknown>([
  [types.builtins.INT8, Number],
  [INT8_ARRAY, (text) => JSON.parse(`[${text.slice(1, -1).replaceAll('NULL', 'null')}]`)],
])

/**
 * Hot statements are planned once for a connection, perhaps while their tables hold little and to go through all of them is cheap: with
 * such plans 6 k requests a second were accepted where it is 20 k without, and to settle one of 30,000 receipts took 19 ms, not 0.1.
 * Every growing table has the index that is asked for; so no scan, and a row that is passed over costs as much as a page that is read.
 *
 * Where a small table has no index that will do, its scan is "dear" all the same, and what is dear PostgreSQL compiles first: 0.1 s.
 */
const PLANNER = '-c enable_seqscan=off -c cpu_tuple_cost=1 -c jit=off'

/** What a URL asks of the server for itself, such as a search_path: the driver would take it in the place of ours. */
const OWN_OPTIONS = /(?<=\?(?:.*&)?)options=[^&]*&?/

/** What every connection has, whatever it is for. TLS comes with the URL, and whatever else the driver reads there. */
export function connectionOptions(url: string, more = ''): PoolConfig {
  const own = new URLSearchParams(OWN_OPTIONS.exec(url)?.[0]).get('options') ?? ''
  return {
    connectionString: url.replace(OWN_OPTIONS, ''),
    application_name: 'readback',
    options: `${own} ${PLANNER} ${more}`,
    keepAlive: true,
    // 64 bits come as text, since they may not fit a number: ours are ids and times, which do.
    types: {
      getTypeParser: (oid, format) => PARSERS.get(oid) ?? types.getTypeParser(oid, format),
    },
  }
}

/** The queries that engines share, on a pool, or on the one connection that a transaction has. */
export function toKysely(pool: Pick<Pool, 'connect' | 'end'>): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: pool as Pool }) })
}

/** For the text of a query alone. */
export const COMPILER = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})

/** A value as a statement takes it. Arrays as PostgreSQL writes them: the driver's own way looks at each element several times. */
export function toParameter(value: unknown): unknown {
  if (typeof value === 'string') return withoutNul(value)
  if (!Array.isArray(value)) return value
  // JSON writes numbers and nulls as PostgreSQL reads them, in half the time.
  return value.every(isFiniteOrNull) ? `{${JSON.stringify(value).slice(1, -1)}}` : `{${value.map(toElement).join(',')}}`
}

function isFiniteOrNull(value: unknown): boolean {
  return Number.isFinite(value) || value === null
}

function toElement(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  return typeof value === 'number' ? String(value) : `"${withoutNul(String(value)).replace(/["\\]/g, '\\$&')}"`
}

/** PostgreSQL's text cannot hold it, and a contact's message must not be lost for it. */
function withoutNul(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text
}

/** A connection as Kysely uses it: whoever lent it takes it back. */
export function cleaning(client: PoolClient): Pick<PoolClient, 'query' | 'release'> {
  return {
    query: ((text: string, values: unknown[]) => client.query(text, values.map(toParameter))) as never,
    release() {},
  }
}

/**
 * SQLSTATE classes for "not now, not here": connection, a user that is not let in, insufficient resources, operator intervention (a
 * restart, a statement that took too long), a standby that takes no writes, and a session that was ended for idling.
 */
const ABSENT = /^(08|28|53|57|58|25006|25P03|55P03)/
/** Node's codes for a TLS that comes to nothing: https://nodejs.org/api/tls.html#x509-certificate-error-codes, and OpenSSL's own. */
const UNTRUSTED = /^(ERR_(TLS|SSL)_|CERT_|UNABLE_TO_|HOSTNAME_MISMATCH|(DEPTH_ZERO_)?SELF_SIGNED_CERT)/
/** Errors of the driver's and of sockets', which have no SQLSTATE. */
const DISCONNECTED =
  /^(Connection terminated|The server does not support SSL|There was an error establishing an SSL|Query read timeout|timeout exceeded when trying to connect|Client was closed|Client has encountered a connection error|Cannot use a pool after calling end)/

/** The store is full, away or overloaded: a 503, and worth another try. Undefined for any other error. */
export function asUnavailable(thrown: unknown): ReadbackError | undefined {
  // Of a name with several addresses: each has a reason of its own, and together they have none.
  const error = thrown instanceof AggregateError ? thrown.errors[0] : thrown
  if (!(error instanceof Error)) return undefined
  const code = codeOf(error)
  const absent =
    ABSENT.test(code) ||
    UNTRUSTED.test(code) ||
    DISCONNECTED.test(error.message) ||
    ('syscall' in error && 'errno' in error)
  if (!absent) return undefined
  return new ReadbackError('unavailable', `The store cannot be written or read: ${messageOf(error) || code}`)
}

/**
 * Serialisation failure, deadlock, and a row that another node wrote first: whoever looks again finds things as they are now.
 */
const CROSSED = new Set(['40001', '40P01', '23505'])
const DEADLOCK = '40P01'
const LOCK_TIMEOUT = '55P03'

/** Others had a table that was waited for, and it was left to them. */
export function gaveWay(error: unknown): boolean {
  return error instanceof Error && [DEADLOCK, LOCK_TIMEOUT].includes(codeOf(error))
}

export function wasCrossed(error: unknown): boolean {
  return error instanceof Error && CROSSED.has(codeOf(error))
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}
