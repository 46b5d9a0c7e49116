import { setTimeout as sleep } from 'node:timers/promises'

export interface Load {
  readonly perSecond: number
  readonly seconds: number
}

/** Sends when it is time, whatever the server is at: one that waited for answers would spare a slow server. */
export async function offer({ perSecond, seconds }: Load, send: (index: number) => Promise<void>) {
  const answers: number[] = []
  const open: Promise<void>[] = []
  const start = performance.now()
  for (let index = 0; index < perSecond * seconds; index++) {
    const due = start + (index * 1000) / perSecond
    const early = due - performance.now()
    if (early > 0) await sleep(early)
    const answered = send(index).then(() => {
      answers.push(performance.now() - due)
    })
    // A failure is thrown below; until then it must not count as unhandled.
    answered.catch(() => {})
    open.push(answered)
  }
  await Promise.all(open)
  return { answers, tookS: Math.max(seconds, (performance.now() - start) / 1000) }
}
