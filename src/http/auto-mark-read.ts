import { z } from 'zod'
import type { Store } from '../core/store.ts'
import { ok } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'

const NOT_BOOLEAN = 'auto_mark_read must be a boolean'
const BODY = z.object({ auto_mark_read: z.boolean({ error: NOT_BOOLEAN }) }, { error: NOT_BOOLEAN })
const ANSWER = ok({ auto_mark_read: z.boolean() })

/** `POST /accounts/settings/auto-mark-read`: the page's "Enable / Disable". */
export function setAutoMarkReadDoor(store: Pick<Store, 'setAutoMarkRead'>): Door {
  return door({ summary: 'Turn auto mark-read on or off', body: BODY, answer: ANSWER }, async ({ body, request }) => {
    const call = { credentials: credentialsOf(request), autoMarkRead: body.auto_mark_read }
    return { status: 'OK', auto_mark_read: await store.setAutoMarkRead(call) }
  })
}

/** `GET` on the same path reads it back [ours]. */
export function getAutoMarkReadDoor(store: Pick<Store, 'admit'>): Door {
  return door({ summary: 'Whether auto mark-read is on', answer: ANSWER }, async ({ request }) => {
    const { autoMarkRead } = await store.admit({ credentials: credentialsOf(request), gate: false })
    return { status: 'OK', auto_mark_read: autoMarkRead }
  })
}
