import { z } from 'zod'
import type { Account } from '../core/account.ts'
import { formatId } from '../core/id.ts'
import type { Store } from '../core/store.ts'
import { ok, TIME } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { isoTime } from './fields.ts'
import { TIMING_ANSWER, timingToWire } from './timing.ts'

export const ACCOUNT_ANSWER = z
  .object({
    account_id: z.string(),
    email: z.string(),
    plan: z.string(),
    read_receipts_enabled: z.boolean(),
    auto_mark_read: z.boolean(),
    auto_mark_read_timing: TIMING_ANSWER,
    disabled: z.boolean(),
    created_at: TIME,
  })
  .meta({ id: 'Account' })

/** `GET /account`: who the keys belong to. */
export function getOwnAccountDoor(store: Pick<Store, 'admit'>): Door {
  return door({ summary: 'Your account', answer: ok({ account: ACCOUNT_ANSWER }) }, async ({ request }) => {
    const account = await store.admit({ credentials: credentialsOf(request), gate: false })
    return { status: 'OK', account: accountToWire(account) }
  })
}

export function accountToWire(account: Account): z.output<typeof ACCOUNT_ANSWER> {
  return {
    account_id: formatId('account', account.id),
    email: account.email,
    plan: account.plan,
    read_receipts_enabled: account.readReceiptsEnabled,
    auto_mark_read: account.autoMarkRead,
    auto_mark_read_timing: timingToWire(account.autoTiming),
    disabled: account.disabled,
    created_at: isoTime(account.createdAt),
  }
}
