import { z } from 'zod'
import { formatId } from '../core/id.ts'
import { LINE_STATUSES, type Line } from '../core/line.ts'
import type { LineStore } from '../core/store.ts'
import { ok, TIME } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { isoTime, REASON } from './fields.ts'

const NUMBERS = z.object({ numbers: z.array(z.string()) })

const STATE = z.object({
  sendblue_number: z.string(),
  status: z.enum(LINE_STATUSES),
  reason: REASON.nullable(),
  assignment: z.literal('assigned'),
  worker_id: z.string(),
  status_changed_at: TIME.nullable(),
  degraded_since: TIME.nullable(),
  effective_until: TIME.nullable(),
})

/** `GET /api/lines`: the account's own numbers. */
export function listNumbersDoor(store: Pick<LineStore, 'listOwnLines'>): Door {
  return door({ summary: 'The numbers of your lines', answer: NUMBERS, entry: 'lines' }, async ({ request }) => {
    const lines = await store.listOwnLines({ credentials: credentialsOf(request) })
    return { numbers: lines.map(({ number }) => number) }
  })
}

/** `GET /api/v2/lines/state`: as the SDK's `lines.getState` has it, and the reason [ours]. */
export function linesStateDoor(store: Pick<LineStore, 'listOwnLines'>, now: () => number): Door {
  const answer = ok({ snapshot_at: TIME, data: z.array(STATE) })
  return door({ summary: 'How your lines are', answer, entry: 'lines' }, async ({ request }) => {
    const lines = await store.listOwnLines({ credentials: credentialsOf(request) })
    return { status: 'OK', snapshot_at: isoTime(now()), data: lines.map(toState) }
  })
}

function toState({ id, number, health, healthSince }: Line): z.output<typeof STATE> {
  return {
    sendblue_number: number,
    status: health.status,
    reason: health.reason,
    assignment: 'assigned',
    worker_id: formatId('line', id),
    status_changed_at: isoTime(healthSince),
    degraded_since: health.status === 'DEGRADED' ? isoTime(healthSince) : null,
    effective_until: null,
  }
}
