import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import type { SinkReply } from './sink.ts'

/** A customer's server in a process of its own: answers at once, and keeps how long each webhook took to come. */
const came = new Map<string, number>()
let repeated = 0

const server = createServer(async (request, response) => {
  const at = Date.now()
  const { message_handle, date_updated } = (await json(request)) as { message_handle: string; date_updated: string }
  if (came.has(message_handle)) repeated += 1
  else came.set(message_handle, at - Date.parse(date_updated))
  response.end('ok')
})

const reply = (said: SinkReply) => process.send?.(said)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') reply({ port: address.port })
})
process.on('message', (asked) => {
  if (asked === 'forget') came.clear()
  else reply({ waitsMs: [...came.values()], repeated })
})
process.once('disconnect', () => process.exit(0))
