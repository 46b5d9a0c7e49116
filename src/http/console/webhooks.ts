import { z } from 'zod'
import type { ConsoleStore } from '../../core/console.ts'
import { parseId, type WebhookId } from '../../core/id.ts'
import { credentialsOf } from '../auth.ts'
import { type Door, door } from '../door.ts'

/** `POST /console/webhooks/{webhook_id}/test`: the newest event of its type, as the endpoint would have got it. */
export function testWebhookDoor(store: Pick<ConsoleStore, 'testWebhook'>, now: () => number): Door {
  return door({ params: z.object({ id: z.string() }) }, async ({ params, request }) => {
    // An id that cannot exist is looked for all the same: 401 comes before 404.
    const id = parseId('webhook', params.id) ?? (0 as WebhookId)
    await store.testWebhook({ credentials: credentialsOf(request), id, at: now() })
    return { status: 'OK' }
  })
}
