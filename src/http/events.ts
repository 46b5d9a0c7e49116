import { z } from 'zod'
import type { Credentials } from '../core/account.ts'
import { lineNumberOf } from '../core/account-event.ts'
import { reaches } from '../core/caller.ts'
import { type ErrorCode, ReadbackError } from '../core/errors.ts'
import type { Store } from '../core/store.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { EVENT_TYPES, eventToWire } from './event-body.ts'
import type { EventHub } from './event-hub.ts'
import { openEventStream } from './event-stream.ts'

/** What the door to events needs. */
export interface EventDesk {
  readonly store: Pick<Store, 'identify'>
  readonly hub: Pick<EventHub, 'subscribe'>
  readonly now: () => number
}

const KNOWN: readonly string[] = EVENT_TYPES
const TYPES = z
  .string()
  .transform((list) => new Set(list.split(',').map((type) => type.trim())))
  .refine((types) => types.isSubsetOf(new Set(KNOWN)), { error: `\`types\`: the types are ${KNOWN.join(', ')}` })

/** `GET /api/v2/events`: what the account is told of, while it happens. */
export function eventsDoor({ store, hub, now }: EventDesk): Door {
  const query = z.strictObject({ types: TYPES.optional() })
  const shape = {
    summary: 'What happens, while it happens',
    query,
    types: ['text/event-stream'],
    entry: 'lines',
  } as const
  return door(shape, async ({ query: { types }, request, reply }) => {
    const credentials = credentialsOf(request)
    const caller = await store.identify({ credentials })
    return openEventStream(reply, {
      hub,
      accountId: caller.account.id,
      toWire(event) {
        if (!reaches(caller, lineNumberOf(event.event))) return undefined
        const told = eventToWire(event)
        return types === undefined || types.has(told.type) ? told : undefined
      },
      mayStay: () => mayStay(store, credentials),
      lifetimeMs: (caller.token?.expiresAt ?? Number.POSITIVE_INFINITY) - now(),
    })
  })
}

const REFUSALS: readonly ErrorCode[] = ['unauthorized', 'forbidden']

/** A store that is away for a moment sends nobody home. */
async function mayStay(store: EventDesk['store'], credentials: Credentials): Promise<boolean> {
  try {
    await store.identify({ credentials })
    return true
  } catch (error) {
    return !(error instanceof ReadbackError && REFUSALS.includes(error.code))
  }
}
