import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { getDefaultHighWaterMark, PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import { serve } from '../surface.ts'
import { ChangeFeed } from './change-feed.ts'
import { type ChangesDesk, changesDoor } from './changes.ts'

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
  const app = serving(t, { store: { getVisitor }, operatorToken: '', changes })
  app.addHook('onRequest', async (_, reply) => void reply.raw.once('close', () => gone.resolve(null)))
  const page = connect(await listening(app))
  page.write('HEAD / HTTP/1.1\r\nhost: x\r\n\r\n')
  await asked.promise
  page.destroy()
  await left.promise
})

test('a page is told once of all that changes in a pause, and nothing while nothing changes', {
  timeout: 10_000,
}, async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const changes = new ChangeFeed()
  const getVisitor = async () => ({ kind: 'operator' }) as const
  const app = serving(t, { store: { getVisitor }, operatorToken: '', changes })
  const [page] = (await once(get(await listening(app)), 'response')) as [IncomingMessage]
  let told = ''
  page.on('data', (piece) => (told += piece))
  await once(page, 'data')
  for (const _ of [1, 2, 3]) changes.changed({ touched: 'all' })
  for (const _ of [1, 2, 3]) {
    t.mock.timers.tick(200)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all([app.close(), once(page, 'end')])
  assert.equal(told.split('event: change').length - 1, 2)
})

test('a page that does not read has no more kept for it than a stream holds, however much changes', {
  timeout: 20_000,
}, async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const changes = new ChangeFeed()
  const getVisitor = async () => ({ kind: 'operator' }) as const
  const app = serving(t, { store: { getVisitor }, operatorToken: '', changes })
  // In place of a network that takes nothing: nobody reads what is written.
  const written = new Promise<PassThrough>((resolve) => {
    app.addHook<PassThrough>('onSend', async (_request, _reply, stream) => {
      resolve(stream)
      return new PassThrough()
    })
  })
  const page = connect(await listening(app))
  page.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  const stream = await written
  const most = 2 * getDefaultHighWaterMark(false)
  for (let told = 0; told < most + 100_000; told += 'event: change\ndata:\n\n'.length) {
    changes.changed({ touched: 'all' })
    t.mock.timers.tick(200)
    await turn()
  }
  const kept = stream.readableLength + stream.writableLength
  page.destroy()
  stream.destroy()
  assert.ok(kept > 0 && kept <= most + 100, `${kept} bytes`)
})

function serving(t: TestContext, desk: ChangesDesk): FastifyInstance {
  const app = Fastify()
  t.after(() => app.close())
  serve(app, { '/': { GET: changesDoor(app, desk) } })
  return app
}

async function listening(app: FastifyInstance): Promise<{ host: string; port: number }> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { host: '127.0.0.1', port }
}
