import { join } from 'node:path'
import { z } from 'zod'
import { ReadbackError } from './core/errors.ts'
import { CALL_SHARE } from './core/leases.ts'
import { parseAddressRanges } from './outgoing/address-guard.ts'

/** Everything that can be set, checked, with its default. `config.example.env` says why one would change each. */
export type Config = Readonly<z.output<typeof SETTINGS>>

/** A duration is given in seconds, as its name's `_S` says, and kept in milliseconds. */
function seconds(fallback: number, least: number) {
  return z.coerce
    .number({ error: 'must be a number of seconds' })
    .min(least, { error: `must be ${least} or more` })
    .max(31_536_000, { error: 'must be a year or less' })
    .default(fallback)
    .transform((given) => Math.round(given * 1_000))
}

/** Node's timers take 2^31 - 1, of which a minute is left for what is added; one that is longer rings a thousand times a second. */
const LONGEST_WAIT_MS = 2 ** 31 - 60_000

/** The same, for what a timer waits for. */
function wait(fallback: number, least: number) {
  return seconds(fallback, least).transform((ms) => Math.min(ms, LONGEST_WAIT_MS))
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

const POSTGRES_URL = /^postgres(ql)?:\/\/./

/** What a header brings as it was sent: other characters come as other ones, and blanks around it not at all. */
const HEADER_TEXT = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/

const VARIABLES = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce
    .number({ error: 'must be a port number' })
    .int({ error: 'must be a port number' })
    .min(0, { error: 'must be a port number' })
    .max(65_535, { error: 'must be a port number' })
    .default(7070),
  DATABASE_URL: z
    .string()
    .regex(/^(sqlite:|postgres(ql)?:\/\/)./, { error: 'must begin with sqlite: or postgres://' })
    .refine(isStoreUrl, { error: 'must be a URL: in its password, / ? # and the like are percent-encoded' })
    .optional(),
  READBACK_POOL_SIZE: z.coerce
    .number({ error: 'must be a number' })
    .int({ error: 'must be a whole number' })
    .min(2, { error: 'must be 2 or more' })
    .max(1_000, { error: 'must be 1000 or less' })
    .default(10),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  READBACK_DATA_DIR: z.string().default('./data'),
  READBACK_OPERATOR_TOKEN: z
    .string()
    .min(16, { error: 'must have 16 characters or more' })
    .regex(HEADER_TEXT, { error: 'must be ASCII, with no blank at either end: it travels in a header' })
    .optional(),
  READBACK_SECRET_KEY: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, { error: 'must be 64 hex digits' })
    .optional(),
  READBACK_PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .regex(/^[^?#]*$/, { error: 'must have no ? or #: paths are put behind it' })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  READBACK_AUTO_MARK_READ_PLANS: z
    .string()
    .default('free_api,ai_agent')
    .transform((list) => list.split(',').map((plan) => plan.trim())),
  READBACK_AUTO_MARK_READ_MAX_AGE_S: seconds(3_600, 0),
  READBACK_RECEIPT_TTL_S: seconds(900, 1),
  READBACK_MESSAGE_TTL_S: seconds(3_600, 1),
  READBACK_CARRIER_TIMEOUT_S: wait(10, 0.1),
  READBACK_CATCH_UP_INTERVAL_S: wait(20, 0.1),
  READBACK_LEASE_S: wait(30, 0.5),
  READBACK_DEDUPE_AGE_S: seconds(691_200, 1),
  READBACK_RETENTION_DAYS: z.coerce
    .number({ error: 'must be a number of days' })
    .positive({ error: 'must be more than 0' })
    .max(36_500, { error: 'must be 36500 or less' })
    .default(30)
    .transform((days) => Math.round(days * 86_400_000)),
  READBACK_WEBHOOK_ALLOW: z
    .string()
    .optional()
    .transform((list, context) => {
      try {
        return list === undefined ? undefined : parseAddressRanges(list)
      } catch {
        context.addIssue({ code: 'custom', message: 'must be address ranges, such as 10.0.0.0/8,::1' })
        return z.NEVER
      }
    }),
  READBACK_DEMO: z.enum(['0', '1'], { error: 'must be 0 or 1' }).default('0'),
})

/** Every variable that is looked at. */
export const SETTING_NAMES = Object.keys(VARIABLES.shape)

const SETTINGS = VARIABLES.transform((env) => ({
  host: env.HOST,
  /** 0 takes any that is free. */
  port: env.PORT,
  databaseUrl: env.DATABASE_URL ?? `sqlite:${join(env.READBACK_DATA_DIR, 'readback.db')}`,
  poolSize: env.READBACK_POOL_SIZE,
  logLevel: env.LOG_LEVEL,
  dataDir: env.READBACK_DATA_DIR,
  operatorToken: env.READBACK_OPERATOR_TOKEN,
  secretKey: env.READBACK_SECRET_KEY?.toLowerCase(),
  publicUrl: env.READBACK_PUBLIC_URL,
  autoPlans: env.READBACK_AUTO_MARK_READ_PLANS,
  autoMaxAgeMs: env.READBACK_AUTO_MARK_READ_MAX_AGE_S,
  receiptLifetimeMs: env.READBACK_RECEIPT_TTL_S,
  messageLifetimeMs: env.READBACK_MESSAGE_TTL_S,
  carrierTimeoutMs: env.READBACK_CARRIER_TIMEOUT_S,
  catchUpIntervalMs: env.READBACK_CATCH_UP_INTERVAL_S,
  leaseMs: env.READBACK_LEASE_S,
  dedupeAgeMs: env.READBACK_DEDUPE_AGE_S,
  retentionMs: env.READBACK_RETENTION_DAYS,
  /** Where webhooks may go besides public addresses. Unset: to this machine, unless others reach the server, be it by a proxy. */
  webhookAllow: env.READBACK_WEBHOOK_ALLOW ?? (isAlone(env) ? parseAddressRanges('127.0.0.0/8,::1') : []),
  demo: env.READBACK_DEMO === '1' && isLoopback(env.HOST) && !POSTGRES_URL.test(env.DATABASE_URL ?? ''),
}))

/** What looks like a setting and is none: somebody's slip, or what another version knows, so a start is not refused for it. */
export function strangeNames(): readonly string[] {
  return Object.keys(process.env).filter((name) => name.startsWith('READBACK_') && !SETTING_NAMES.includes(name))
}

/** Nobody reads the environment but this file. Throws `invalid` that names each wrong setting, never its value: it may be a secret. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  // `NAME=` in an env file means that it is not set.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = SETTINGS.safeParse(given)
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`)
    throw new ReadbackError('invalid', wrong.join('\n  '))
  }
  const config = parsed.data
  if (!isLoopback(config.host) && config.operatorToken === undefined) {
    const message =
      `HOST ${config.host} lets other machines in: set READBACK_OPERATOR_TOKEN to a token of your own first ` +
      '(for example the output of: openssl rand -hex 32), or leave HOST at 127.0.0.1'
    throw new ReadbackError('invalid', message)
  }
  if (POSTGRES_URL.test(config.databaseUrl)) requireShared(config)
  return Object.freeze(config)
}

/** What every node has to have alike, so none may make its own. */
function requireShared({ operatorToken, secretKey, carrierTimeoutMs, leaseMs }: Config): void {
  const shared = { READBACK_SECRET_KEY: secretKey, READBACK_OPERATOR_TOKEN: operatorToken }
  for (const [name, value] of Object.entries(shared)) {
    if (value === undefined)
      throw new ReadbackError('invalid', `${name} must be set, the same on every node, with PostgreSQL`)
  }
  if (carrierTimeoutMs > leaseMs * CALL_SHARE) {
    const message =
      'READBACK_LEASE_S must be twice READBACK_CARRIER_TIMEOUT_S or more: a call has to end before its line is free'
    throw new ReadbackError('invalid', message)
  }
}

/** A socket's folder can stand in the query, and no host then (libpq, 32.1.1.2). */
export function isStoreUrl(given: string): boolean {
  return !POSTGRES_URL.test(given) || URL.canParse(given.replace('@/', '@localhost/'))
}

function isAlone({ HOST, READBACK_PUBLIC_URL }: { HOST: string; READBACK_PUBLIC_URL?: string | undefined }): boolean {
  return isLoopback(HOST) && READBACK_PUBLIC_URL === undefined
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
