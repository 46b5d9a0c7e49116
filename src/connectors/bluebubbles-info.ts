import { z } from 'zod'
import type { FailedCall } from '../core/connector.ts'
import type { LineHealth } from '../core/line.ts'
import type { Talk } from './bluebubbles-talk.ts'

const SERVER_INFO = z.object({
  private_api: z.boolean(),
  helper_connected: z.boolean(),
})

export async function probe(talk: Talk): Promise<LineHealth> {
  const outcome = await talk('GET', ['server', 'info'])
  if (outcome.kind === 'absent') return { status: 'OFFLINE', reason: 'carrier_error' }
  if (outcome.kind !== 'done') return { status: 'OFFLINE', reason: outcome.reason }
  return healthOf(outcome.data)
}

function healthOf(data: unknown): LineHealth {
  const info = SERVER_INFO.safeParse(data)
  if (!info.success) return { status: 'OFFLINE', reason: 'carrier_error' }
  if (!info.data.private_api) return { status: 'DEGRADED', reason: 'private_api_off' }
  if (!info.data.helper_connected) return { status: 'DEGRADED', reason: 'helper_disconnected' }
  return { status: 'ONLINE', reason: null }
}

/** Why it can certainly do nothing now; undefined where that is not sure. */
export async function certainObstacle(talk: Talk): Promise<FailedCall | undefined> {
  const outcome = await talk('GET', ['server', 'info'])
  if (outcome.kind === 'unavailable' && outcome.reason === 'unreachable' && !outcome.mayHaveArrived) return outcome
  const { status, reason } = outcome.kind === 'done' ? healthOf(outcome.data) : { status: 'UNKNOWN', reason: null }
  return status === 'DEGRADED' && reason !== null ? { kind: 'unavailable', reason } : undefined
}

/** Of macOS 12 to 15: what is 26 may call itself 10.16, which some take for 11, or 16 to an older program. */
const NAMES_BY_SERVICE = z.object({ os_version: z.string().regex(/^1[2-5]\./) })

/** Whether it surely has all conversations by the ids that it had. */
export async function keepsIds(talk: Talk): Promise<boolean> {
  const outcome = await talk('GET', ['server', 'info'])
  return outcome.kind === 'done' && NAMES_BY_SERVICE.safeParse(outcome.data).success
}
