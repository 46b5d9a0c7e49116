import { z } from 'zod'
import type { ConsoleStore } from '../../core/console.ts'
import { credentialsOf } from '../auth.ts'
import { type Door, door } from '../door.ts'
import { idOf } from '../fields.ts'

/** `POST /console/webhooks/{webhook_id}/test`: the newest event of its type, as the endpoint would have got it. */
export function testWebhookDoor(store: Pick<ConsoleStore, 'testWebhook'>, now: () => number): Door {
  return door({ params: z.object({ id: z.string() }) }, async ({ params, request }) => {
    await store.testWebhook({ credentials: credentialsOf(request), id: idOf('webhook', params.id), at: now() })
    return { status: 'OK' }
  })
}
