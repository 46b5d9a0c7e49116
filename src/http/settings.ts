import { z } from 'zod'
import type { Credentials } from '../core/account.ts'
import type { Store } from '../core/store.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { phoneNumber } from './fields.ts'
import { TIMING, timingToWire } from './timing.ts'

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

/** `GET /readback/v1/settings` [ours]: the account's own, and its lines' where they differ (null: as the account's). */
export function getSettingsDoor(store: Pick<Store, 'admit' | 'listOwnLines'>): Door {
  return door({}, ({ request }) => settingsOf(store, credentialsOf(request)))
}

/** `PATCH` on the same path. With `from_number` it is that line's; null leaves it to the account's again. */
export function updateSettingsDoor(store: Pick<Store, 'admit' | 'listOwnLines' | 'setAutoTiming'>): Door {
  return door({ body: CHANGE }, async ({ body, request }) => {
    const credentials = credentialsOf(request)
    await store.setAutoTiming({ ...body, credentials })
    return settingsOf(store, credentials)
  })
}

async function settingsOf(store: Pick<Store, 'admit' | 'listOwnLines'>, credentials: Credentials): Promise<object> {
  const { autoMarkRead, autoTiming } = await store.admit({ credentials, gate: false })
  const lines = await store.listOwnLines({ credentials })
  return {
    status: 'OK',
    auto_mark_read: autoMarkRead,
    auto_mark_read_timing: timingToWire(autoTiming),
    lines: lines.map((line) => ({ number: line.number, auto_mark_read_timing: timingToWire(line.autoTiming) })),
  }
}
