import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { text } from 'node:stream/consumers'
import { listening } from './listening.ts'

/** A webhook as the customer's server got it. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly at: number
}

/** A customer's own server, which keeps what it is sent. `answer` decides what it says to that; 200 where absent. */
export interface CustomerServer extends AsyncDisposable {
  readonly url: string
  readonly received: readonly Received[]
  answer: RequestListener
  /** What came, or comes next, at that place in the order of coming. */
  at(index: number): Promise<Received>
}

export async function startCustomerServer(): Promise<CustomerServer> {
  const received: Received[] = []
  const heard = new EventEmitter<{ received: [] }>().setMaxListeners(0)
  const server = createServer(async (request, response) => {
    const body = await text(request)
    received.push({ path: request.url ?? '', headers: request.headers, body, at: Date.now() })
    self.answer(request, response)
    heard.emit('received')
  })
  const self: CustomerServer = {
    ...(await listening(server)),
    received,
    answer: (_, response) => response.end('ok'),
    async at(index) {
      while (received[index] === undefined) await once(heard, 'received')
      return received[index]
    },
  }
  return self
}
