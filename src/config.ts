import { join } from 'node:path'
import { z } from 'zod'
import { ReadbackError } from './core/errors.ts'
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
    .transform((given) => given * 1_000)
}

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
    .regex(/^sqlite:./, { error: 'must begin with sqlite:' })
    .optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  READBACK_DATA_DIR: z.string().default('./data'),
  READBACK_OPERATOR_TOKEN: z.string().min(16, { error: 'must have 16 characters or more' }).optional(),
  READBACK_SECRET_KEY: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, { error: 'must be 64 hex digits' })
    .optional(),
  READBACK_PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  READBACK_AUTO_MARK_READ_PLANS: z
    .string()
    .default('free_api,ai_agent')
    .transform((list) => list.split(',').map((plan) => plan.trim())),
  READBACK_AUTO_MARK_READ_MAX_AGE_S: seconds(3_600, 0),
  READBACK_RECEIPT_TTL_S: seconds(900, 1),
  READBACK_MESSAGE_TTL_S: seconds(3_600, 1),
  READBACK_CARRIER_TIMEOUT_S: seconds(10, 0.1),
  READBACK_CATCH_UP_INTERVAL_S: seconds(20, 0.1),
  READBACK_DEDUPE_AGE_S: seconds(691_200, 1),
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
  dedupeAgeMs: env.READBACK_DEDUPE_AGE_S,
  /** Where webhooks may go besides public addresses. */
  webhookAllow: env.READBACK_WEBHOOK_ALLOW ?? (isLoopback(env.HOST) ? parseAddressRanges('127.0.0.0/8,::1') : []),
  demo: env.READBACK_DEMO === '1',
}))

/** The only reader of the environment. Throws `invalid` that names the setting, never its value: it may be a secret. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  // `NAME=` in an env file means that it is not set.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = SETTINGS.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new ReadbackError('invalid', `${issue?.path.join('.')} ${issue?.message}`)
  }
  const config = parsed.data
  if (!isLoopback(config.host) && config.operatorToken === undefined) {
    const message =
      `HOST ${config.host} lets other machines in: set READBACK_OPERATOR_TOKEN to a token of your own first ` +
      '(for example the output of: openssl rand -hex 32), or leave HOST at 127.0.0.1'
    throw new ReadbackError('invalid', message)
  }
  return Object.freeze(config)
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
