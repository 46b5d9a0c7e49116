import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type Child, freePort, launch, ready } from './child.ts'
import { type JsonClient, jsonClient } from './json-client.ts'
import { scratchFolder } from './scratch.ts'

export interface Readback extends AsyncDisposable {
  readonly child: Child
  readonly base: string
  readonly operator: JsonClient
}

export interface Account {
  readonly id: string
  readonly keys: Readonly<Record<'sb-api-key-id' | 'sb-api-secret-key', string>>
}

export interface StartOptions {
  /** Where the store's folder is made. */
  readonly dir: string
  /** A folder that is there already, with a store or without, and stays. */
  readonly folder?: string | undefined
  /** Where a CPU profile of each thread is left; none without. */
  readonly profile?: string | undefined
  /** A store of its own on PostgreSQL in place of SQLite. */
  readonly databaseUrl?: string | undefined
}

const TOKEN = 'operator-token-of-the-benchmark-alone'
const MAIN = join(import.meta.dirname, '../../src/main.ts')
const CREATED = z.object({
  account: z.object({ account_id: z.string() }),
  api_key_id: z.string(),
  api_secret_key: z.string(),
})

/** Readback as it ships, on an empty store of its own unless a folder is given: no setting that would make it faster. */
export async function startReadback({ dir, folder, profile, databaseUrl }: StartOptions): Promise<Readback> {
  await using undo = new AsyncDisposableStack()
  const data = folder ?? undo.use(await scratchFolder(dir)).path
  const port = await freePort()
  const child = undo.use(
    launch({
      name: 'readback',
      file: MAIN,
      nodeFlags: profileFlags(profile),
      env: {
        HOST: '127.0.0.1',
        PORT: String(port),
        LOG_LEVEL: 'warn',
        READBACK_DATA_DIR: data,
        READBACK_OPERATOR_TOKEN: TOKEN,
        ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl, READBACK_SECRET_KEY: 'ab'.repeat(32) }),
        // As `npm start` has it: compiled once, so that no thread loads the compiler.
        NODE_COMPILE_CACHE: join(import.meta.dirname, '../../node_modules/.cache/compiled'),
      },
    }),
  )
  const base = `http://127.0.0.1:${port}`
  await ready(child, `${base}/readyz`)
  const operator = undo.use(jsonClient(base, { authorization: `Bearer ${TOKEN}` }))
  const kept = undo.move()
  return { child, base, operator, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

function profileFlags(profile: string | undefined): string[] {
  if (profile === undefined) return []
  mkdirSync(profile, { recursive: true })
  return ['--cpu-prof', '--cpu-prof-dir', profile]
}

export async function createAccount(operator: JsonClient): Promise<Account> {
  const body = { email: 'bench@example.com', read_receipts_enabled: true }
  const created = CREATED.parse(await operator.call('POST', '/operator/accounts', 201, body))
  return {
    id: created.account.account_id,
    keys: { 'sb-api-key-id': created.api_key_id, 'sb-api-secret-key': created.api_secret_key },
  }
}

export async function createLine(operator: JsonClient, account: Account, number: string): Promise<void> {
  await operator.call('POST', `/operator/accounts/${account.id}/lines`, 201, { number, connector: 'simulator' })
}

export async function pauseLine(operator: JsonClient, number: string, paused: boolean): Promise<void> {
  await operator.call('PATCH', `/operator/lines/${encodeURIComponent(number)}`, 200, { paused })
}

export async function setAutoMarkRead(client: JsonClient, on: boolean): Promise<void> {
  await client.call('POST', '/accounts/settings/auto-mark-read', 200, { auto_mark_read: on })
}

export async function writeAsContact(client: JsonClient, number: string, line: string, content: string): Promise<void> {
  await client.call('POST', '/simulator/messages', 201, { number, to_number: line, content })
}
