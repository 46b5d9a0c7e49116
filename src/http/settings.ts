import { z } from 'zod'
import type { Credentials } from '../core/account.ts'
import type { Store } from '../core/store.ts'
import { ok } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { phoneNumber } from './fields.ts'
import { TIMING, TIMING_ANSWER, timingToWire } from './timing.ts'

const CHANGE = z
  .strictObject({
    from_number: phoneNumber('`from_number` must be a line’s number in E.164').optional(),
    auto_mark_read_timing: TIMING.nullable(),
  })
  .transform(({ from_number: number, auto_mark_read_timing: timing }, context) => {
    if (number !== undefined) return { number, timing }
    if (timing !== null) return { timing }
    context.addIssue({ code: 'custom', message: '`auto_mark_read_timing` can be null for a line alone' })
    return z.NEVER
  })

const ANSWER = ok({
  auto_mark_read: z.boolean(),
  auto_mark_read_timing: TIMING_ANSWER,
  lines: z.array(z.object({ number: z.string(), auto_mark_read_timing: TIMING_ANSWER.nullable() })),
})

/** `GET /readback/v1/settings` [ours]: the account's own, and its lines' where they differ (null: as the account's). */
export function getSettingsDoor(store: Pick<Store, 'admit' | 'listOwnLines'>): Door {
  return door({ summary: 'Your settings', answer: ANSWER }, ({ request }) => settingsOf(store, credentialsOf(request)))
}

/** `PATCH` on the same path. With `from_number` it is that line's; null leaves it to the account's again. */
export function updateSettingsDoor(store: Pick<Store, 'admit' | 'listOwnLines' | 'setAutoTiming'>): Door {
  const shape = { summary: 'Change when automatic receipts go', body: CHANGE, answer: ANSWER }
  return door(shape, async ({ body, request }) => {
    const credentials = credentialsOf(request)
    await store.setAutoTiming({ ...body, credentials })
    return settingsOf(store, credentials)
  })
}

async function settingsOf(
  store: Pick<Store, 'admit' | 'listOwnLines'>,
  credentials: Credentials,
): Promise<z.output<typeof ANSWER>> {
  const { autoMarkRead, autoTiming } = await store.admit({ credentials, gate: false })
  const lines = await store.listOwnLines({ credentials })
  return {
    status: 'OK',
    auto_mark_read: autoMarkRead,
    auto_mark_read_timing: timingToWire(autoTiming),
    lines: lines.map((line) => ({ number: line.number, auto_mark_read_timing: timingToWire(line.autoTiming) })),
  }
}
