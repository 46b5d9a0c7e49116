import { ReadbackError } from '../core/errors.ts'
import type { Store } from '../core/store.ts'
import { DONE } from './answers.ts'
import { type Door, door } from './door.ts'

/** `GET /healthz`: the process serves. */
export function healthDoor(): Door {
  return door({ summary: 'Whether the process serves', answer: DONE }, async () => ({ status: 'OK' }))
}

/** `GET /readyz`: the store can be written, and this process is not about to end. */
export function readyDoor(store: Pick<Store, 'ready'>, draining: () => boolean): Door {
  return door({ summary: 'Whether the store can be written', answer: DONE }, async () => {
    if (draining()) throw new ReadbackError('draining', 'This process is about to end')
    await store.ready()
    return { status: 'OK' }
  })
}
