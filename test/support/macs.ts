import { setTimeout as pause } from 'node:timers/promises'
import { send, serveCarrier } from './carrier.ts'

/** A read as a Mac saw it, from its coming to its answer. */
interface Read {
  readonly mac: string
  readonly chat: string
  readonly from: number
  readonly to: number
}

export interface Macs extends AsyncDisposable {
  /** Where the Mac of that name answers. */
  url(mac: string): string
  readonly reads: readonly Read[]
}

/** Many Macs with BlueBubbles behind one port, each slow enough that two calls at once would be seen. */
export async function startMacs(slowMs: () => number): Promise<Macs> {
  const reads: Read[] = []
  const server = await serveCarrier(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://macs')
    const [, mac = '', , , kind, chat = '', verb] = pathname.split('/')
    if (kind === 'chat' && verb === 'read') {
      const from = performance.now()
      await pause(slowMs())
      reads.push({ mac, chat: decodeURIComponent(chat), from, to: performance.now() })
    }
    const data = kind === 'server' ? { private_api: true, helper_connected: true } : kind === 'chat' ? {} : []
    send(response, { status: 200, body: { status: 200, message: 'Success', data } })
  })
  return {
    url: (mac) => `${server.url}/${mac}`,
    reads,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
