import { formatId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import type { LineStore } from '../core/store.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { isoTime } from './fields.ts'

/** `GET /api/lines`: the account's own numbers. */
export function listNumbersDoor(store: Pick<LineStore, 'listOwnLines'>): Door {
  return door({ entry: 'lines' }, async ({ request }) => {
    const lines = await store.listOwnLines({ credentials: credentialsOf(request) })
    return { numbers: lines.map(({ number }) => number) }
  })
}

/** `GET /api/v2/lines/state`: as the SDK's `lines.getState` has it, and the reason [ours]. */
export function linesStateDoor(store: Pick<LineStore, 'listOwnLines'>, now: () => number): Door {
  return door({ entry: 'lines' }, async ({ request }) => {
    const lines = await store.listOwnLines({ credentials: credentialsOf(request) })
    return { status: 'OK', snapshot_at: isoTime(now()), data: lines.map(toState) }
  })
}

function toState({ id, number, health, healthSince }: Line) {
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
