import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import Fastify from 'fastify'
import type { RecordedEvent } from '../core/account-event.ts'
import type { EventHub, EventListener } from './event-hub.ts'
import { openEventStream } from './event-stream.ts'

/** More than what lies between holds for a client that does not read. */
const LONG = 'x'.repeat(16 * 1024 * 1024)

/** A server whose one door is a stream from this hub. */
async function serving(hub: Pick<EventHub, 'subscribe'>, onGone = () => {}) {
  const app = Fastify()
  app.addHook('onRequest', async (_, reply) => void reply.raw.once('close', onGone))
  app.get('/', (_, reply) =>
    openEventStream(reply, {
      hub,
      accountId: null,
      toWire: () => ({ id: LONG }),
      mayStay: async () => true,
      lifetimeMs: Number.POSITIVE_INFINITY,
    }),
  )
  const base = await app.listen({ host: '127.0.0.1', port: 0 })
  const ask = (method: string) => {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
    socket.write(`${method} / HTTP/1.1\r\nhost: x\r\n\r\n`)
    return socket
  }
  return { app, base, ask, [Symbol.asyncDispose]: () => app.close() }
}

test('a client that does not read the end of its stream is let go a second later', { timeout: 10_000 }, async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const subscribed = Promise.withResolvers<EventListener>()
  const subscribe = async (listener: EventListener) => {
    subscribed.resolve(listener)
    return () => {}
  }
  await using server = await serving({ subscribe })
  const sleeper = server.ask('GET')
  t.after(() => sleeper.destroy())
  await once(sleeper, 'readable')
  const { onEvent, onEnd } = await subscribed.promise
  onEvent({} as RecordedEvent)
  onEnd()
  const open = () => new Promise((resolve) => server.app.server.getConnections((_, count) => resolve(count)))
  t.mock.timers.tick(999)
  assert.equal(await open(), 1)
  t.mock.timers.tick(1)
  await server.app.close()
})

test('a stream that ends before it has begun is over at once, and leaves nobody listening', async () => {
  let left = 0
  const subscribe = async ({ onEnd }: EventListener) => {
    onEnd()
    return () => void left++
  }
  await using server = await serving({ subscribe })
  const answer = await fetch(server.base)
  assert.deepEqual([answer.status, await answer.text()], [200, ''])
  await server.app.close()
  assert.equal(left, 1)
})

test('a client that asks with HEAD, and is gone before its stream begins, is no listener', {
  timeout: 10_000,
}, async () => {
  const [asked, gone, left] = [Promise.withResolvers(), Promise.withResolvers(), Promise.withResolvers()]
  const subscribe = async () => {
    asked.resolve(null)
    await gone.promise
    return () => left.resolve(null)
  }
  await using server = await serving({ subscribe }, () => gone.resolve(null))
  const client = server.ask('HEAD')
  await asked.promise
  client.destroy()
  await left.promise
})
