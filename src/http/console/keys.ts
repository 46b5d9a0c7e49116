import { z } from 'zod'
import type { ConsoleStore } from '../../core/console.ts'
import { credentialsOf } from '../auth.ts'
import { type Door, door } from '../door.ts'
import { isoTime } from '../fields.ts'
import { keyToWire } from '../operator-accounts.ts'

type KeyStore = Pick<ConsoleStore, 'listKeys' | 'makeKey' | 'revokeKey'>

export function listKeysDoor(store: KeyStore): Door {
  return door({}, async ({ request }) => {
    const keys = await store.listKeys({ credentials: credentialsOf(request) })
    const data = keys.map(({ keyId, createdAt }) => ({ api_key_id: keyId, created_at: isoTime(createdAt) }))
    return { status: 'OK', data }
  })
}

/** The secret is shown this once. */
export function makeKeyDoor(store: KeyStore, now: () => number): Door {
  return door({}, async ({ request, reply }) => {
    const key = await store.makeKey({ credentials: credentialsOf(request), at: now() })
    reply.code(201)
    return { status: 'OK', ...keyToWire(key) }
  })
}

export function revokeKeyDoor(store: KeyStore): Door {
  return door({ params: z.object({ api_key_id: z.string() }) }, async ({ params, request }) => {
    await store.revokeKey({ credentials: credentialsOf(request), keyId: params.api_key_id })
    return { status: 'OK' }
  })
}
