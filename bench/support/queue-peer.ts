/** What the parent asks of a queue's process; it answers with how many jobs it has run in all. */
export type QueueOrder = { readonly fill: number } | 'work' | 'rest'
export type QueueReply = { readonly handled: number } | { readonly failure: string }

interface QueuePeer {
  /** So many jobs wait, in as few statements as it takes. */
  fill(jobs: number): Promise<unknown>
  /** They are taken from here on. */
  work(): Promise<unknown>
  /** Nothing is taken any more. */
  rest(): Promise<unknown>
  readonly handled: () => number
}

/** Does what the parent says, one thing at a time, until it is ended. */
export function obey(peer: QueuePeer): void {
  process.on('message', (order: QueueOrder) => {
    const done = order === 'work' ? peer.work() : order === 'rest' ? peer.rest() : peer.fill(order.fill)
    done.then(
      () => say({ handled: peer.handled() }),
      (error: unknown) => say({ failure: String(error) }),
    )
  })
  process.once('disconnect', () => process.exit())
}

function say(reply: QueueReply): void {
  process.send?.(reply)
}
