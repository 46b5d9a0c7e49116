import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import Fastify from 'fastify'
import { serve } from '../surface.ts'
import { ChangeFeed } from './change-feed.ts'
import { eventsDoor } from './events.ts'

test('a page that asks with HEAD, and is gone before its stream begins, is no listener', {
  timeout: 10_000,
}, async (t) => {
  const [asked, gone, left] = [Promise.withResolvers(), Promise.withResolvers(), Promise.withResolvers()]
  const getVisitor = async () => {
    asked.resolve(null)
    await gone.promise
    return { kind: 'operator' } as const
  }
  const changes = new ChangeFeed()
  t.mock.method(changes, 'subscribe', () => () => left.resolve(null))
  const app = Fastify()
  t.after(() => app.close())
  app.addHook('onRequest', async (_, reply) => void reply.raw.once('close', () => gone.resolve(null)))
  serve(app, { '/': { GET: eventsDoor(app, { store: { getVisitor }, operatorToken: '', changes }) } })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const page = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  page.write('HEAD / HTTP/1.1\r\nhost: x\r\n\r\n')
  await asked.promise
  page.destroy()
  await left.promise
})
