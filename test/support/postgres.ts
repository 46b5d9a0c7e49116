import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, globSync, rmSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { Client, type ClientConfig } from 'pg'
import { encrypt, giveTo, type Identity, makeCluster } from './cluster.ts'
import { requires } from './requires.ts'
import { SCRATCH } from './scratch.ts'
import { until } from './until.ts'

/** PostgreSQL's own programs, where the system has them; the newest. */
const BIN = globSync('/usr/lib/postgresql/*/bin')
  .sort((a, b) => Number(a.split('/')[4]) - Number(b.split('/')[4]))
  .at(-1)
/** A server that is there already, whose user may create databases. */
const GIVEN = process.env.TEST_DATABASE_URL

/** For node:test's `skip`: false when there is a PostgreSQL to test on. */
export function requirePostgres(): string | false {
  const what = 'PostgreSQL, or TEST_DATABASE_URL'
  return requires(
    what,
    GIVEN !== undefined || (BIN !== undefined && existsSync(join(BIN, 'initdb'))),
    'npm run setup:system',
  )
}

/** The same, where it has to be one that the test may stop and start. */
export function requireOwnPostgres(): string | false {
  return requires('PostgreSQL', BIN !== undefined && existsSync(join(BIN, 'initdb')), 'npm run setup:system')
}

/** A database of its own. */
export interface Database extends AsyncDisposable {
  readonly url: string
}

export interface PostgresServer extends AsyncDisposable {
  /** Empty, or as another one of the server is, to which nobody is connected. */
  database(like?: Database): Promise<Database>
}

/** A server of one's own, that can be stopped and started again. Nothing that it says it wrote needs to outlive this machine. */
export interface OwnServer extends PostgresServer {
  readonly port: number
  /** Every statement that it was asked since it started, where `LOGGED` are its settings; `kept` are those that a connection keeps. */
  statements(which?: 'all' | 'kept'): Promise<string[]>
  start(): Promise<void>
  /** `SIGINT` rolls back what is under way; `SIGQUIT` ends as a crash does. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** The given server, or one of this test file's own. */
export async function postgresServer(): Promise<PostgresServer> {
  if (GIVEN === undefined) return ownServer()
  return { database: (like) => createDatabase(GIVEN, like), async [Symbol.asyncDispose]() {} }
}

export async function ownServer(more: Readonly<Record<string, string>> = {}, dir = SCRATCH): Promise<OwnServer> {
  const folder = await mkdtemp(join(dir, 'readback-postgres-'))
  // It refuses to run as root.
  const identity: Identity = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  await giveTo(identity, folder)
  const data = join(folder, 'data')
  const bin = BIN ?? ''
  await makeCluster(data, bin, identity)
  if (more.ssl === 'on') await encrypt(data, identity)
  const port = await freePort()
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'off',
    max_connections: 200,
    ...more,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let child: ChildProcess | undefined
  const start = async () => {
    child = spawn(join(bin, 'postgres'), ['-D', data, ...flags], { ...identity, stdio: 'ignore' })
    await until(
      'PostgreSQL to answer',
      () => answers(url),
      (yes) => yes,
    )
  }
  const stop = async (signal: NodeJS.Signals = 'SIGINT') => {
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  await start()
  process.once('exit', () => {
    child?.kill('SIGQUIT')
    waitUntilGone(join(data, 'postmaster.pid'))
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    port,
    start,
    stop,
    statements: (which = 'all') => statementsIn(join(data, 'log'), which),
    database: (like) => createDatabase(url, like),
    async [Symbol.asyncDispose]() {
      await stop('SIGQUIT')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** In a process that is about to end, and has no event loop any more. */
function waitUntilGone(path: string): void {
  const nobody = new Int32Array(new SharedArrayBuffer(4))
  for (let tries = 0; existsSync(path) && tries < 100; tries++) Atomics.wait(nobody, 0, 0, 50)
}

export const LOGGED = { logging_collector: 'on', log_destination: 'jsonlog', log_statement: 'all' }

const ASKED = { all: /^(?:statement|execute [^:]+): (.*)$/s, kept: /^execute (?!<unnamed>)[^:]+: (.*)$/s }

async function statementsIn(folder: string, which: keyof typeof ASKED): Promise<string[]> {
  const files = await Promise.all(globSync(join(folder, '*.json')).map((path) => readFile(path, 'utf8')))
  const lines = files.flatMap((text) => text.trim().split('\n'))
  const messages = lines.map((line) => String(JSON.parse(line).message))
  return messages.flatMap((message) => ASKED[which].exec(message)?.[1] ?? [])
}

/** PostgreSQL's own way is by its log, which takes three times as long. */
const AS_FILES = 'strategy file_copy'

async function createDatabase(serverUrl: string, like?: Database): Promise<Database> {
  const name = `readback_test_${randomUUID().replaceAll('-', '')}`
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  const template = like === undefined ? 'template1' : new URL(like.url).pathname.slice(1)
  await runSql(serverUrl, `create database ${name} template ${template} ${AS_FILES}`)
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await runSql(serverUrl, `drop database if exists ${name} with (force)`)
    },
  }
}

/** What a statement, or the last of several, answers, on a connection of its own. */
export async function runSql<Row>(where: string | ClientConfig, text: string, values: unknown[] = []): Promise<Row[]> {
  // The query says why it failed; a server may be stopped at any moment of it.
  const client = new Client(where).on('error', () => {})
  await client.connect()
  try {
    const answers = [await client.query(text, values.length === 0 ? undefined : values)].flat()
    return answers.at(-1)?.rows ?? []
  } finally {
    await client.end()
  }
}

/** What a transaction of the test's own has locked, until it is disposed of. */
export async function locked({ url }: Pick<Database, 'url'>, ...statements: string[]): Promise<AsyncDisposable> {
  const client = new Client(url)
  await client.connect()
  await client.query('begin')
  for (const statement of statements) await client.query(statement)
  return {
    async [Symbol.asyncDispose]() {
      await client.query('commit')
      await client.end()
    },
  }
}

/** The lock that is held from where events are given their ids until they are committed. */
export const EVENTS_LOCK = `select pg_advisory_xact_lock(hashtextextended('readback events', 0))`

/** So many wait there for what others have locked; a statement of each that begins so, where that is said. */
export async function waiting({ url }: Pick<Database, 'url'>, count: number, statement = ''): Promise<void> {
  const look = `select 1 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query ~ '^${statement}'`
  await until(
    `${count} to wait for a lock`,
    () => runSql(url, look),
    ({ length }) => length === count,
  )
}

async function answers(url: string): Promise<boolean> {
  try {
    await runSql(url, 'select 1')
    return true
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** What an operator sets on every node. */
export function nodeSettings({ url }: Pick<Database, 'url'>): Record<string, string> {
  return { DATABASE_URL: url, READBACK_SECRET_KEY: 'ab'.repeat(32) }
}

/** Who has which line. */
export function leases({ url }: Database): Promise<{ node: string; epoch: string }[]> {
  return runSql(url, 'select node, epoch from line_leases')
}
