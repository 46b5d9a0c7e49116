import { json } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { type BlueBubbles, startBlueBubbles } from './support/bluebubbles.ts'
import { send, serveCarrier } from './support/carrier.ts'
import { leases, nodeSettings, type PostgresServer, postgresServer, requirePostgres } from './support/postgres.ts'
import { customer, LINE, type Readback, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'

const PATH = `/operator/lines/${encodeURIComponent(LINE)}`

describe('of two nodes, where one tells a Mac where to call while another changes its line', {
  skip: requirePostgres(),
}, () => {
  const postgres = share(postgresServer)

  test('the Mac calls by the renewed secret alone', async () => {
    await using mac = await startBlueBubbles()
    await using scene = await telling(postgres, mac)
    const { b } = scene
    const { body } = await b.operator.must(200, 'POST', `${PATH}/inbound-url`)
    await scene.goOn()
    await calls(mac, body.inbound_url)
  })

  test('a Mac that the line has left calls it no more', async () => {
    await using mac = await startBlueBubbles()
    await using other = await startBlueBubbles()
    await using scene = await telling(postgres, mac)
    await leaves(mac, () => moveTo(other, scene.b))
    await scene.goOn()
    await calls(mac)
    await calls(other, await inboundUrl(scene.b))
  })

  test('a Mac whose line is removed calls it no more', async () => {
    await using mac = await startBlueBubbles()
    await using scene = await telling(postgres, mac)
    await leaves(mac, () => scene.b.operator.must(200, 'DELETE', PATH))
    await scene.goOn()
    await calls(mac)
  })
})

interface Scene extends AsyncDisposable {
  readonly b: Readback
  /** The Mac takes what A tells it. */
  goOn(): Promise<unknown>
}

/** A has the line, and its Mac is about to be told where to call by a secret that was renewed there. */
async function telling(server: PostgresServer, mac: BlueBubbles): Promise<Scene> {
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await server.database())
  const env = { READBACK_PUBLIC_URL: 'https://readback.example', READBACK_CATCH_UP_INTERVAL_S: '3600' }
  const a = stack.use(await startReadback({ ...nodeSettings(database), ...env }))
  const gate = stack.use(await gateTo(mac))
  const { accountId } = await customer(a, { lines: [] })
  const draft = { number: LINE, connector: 'bluebubbles', settings: { url: gate.url, password: mac.password } }
  await a.operator.must(201, 'POST', `/operator/accounts/${accountId}/lines`, draft)
  await moveTo({ ...mac, url: gate.url }, a)
  await until(
    'A to have the line',
    () => leases(database),
    (held) => held.length === 1,
  )
  const b = stack.use(await startReadback({ ...nodeSettings(database), ...env }))
  const { asked, goOn } = gate.close()
  const told = a.operator.must(200, 'POST', `${PATH}/inbound-url`)
  await asked
  const kept = stack.move()
  return {
    b,
    async goOn() {
      goOn()
      await told
    },
    async [Symbol.asyncDispose]() {
      goOn()
      await kept.disposeAsync()
    },
  }
}

/** Stands before a Mac; once closed it keeps the next webhook that is to be put there waiting. */
async function gateTo(mac: BlueBubbles) {
  let onAsked: (() => void) | undefined
  const held = Promise.withResolvers<void>()
  const server = await serveCarrier(async (request, response) => {
    const body = request.method === 'POST' ? JSON.stringify(await json(request)) : null
    if (request.method === 'POST' && request.url?.startsWith('/api/v1/webhook') && onAsked !== undefined) {
      onAsked()
      onAsked = undefined
      await held.promise
    }
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${mac.url}${request.url}`, { method: request.method ?? 'GET', headers, body })
    send(response, { status: answer.status, body: await answer.json() })
  })
  const close = () => {
    const asked = new Promise<void>((resolve) => {
      onAsked = resolve
    })
    return { asked, goOn: held.resolve }
  }
  return { ...server, close }
}

/** Does it, and waits until the other node has found nothing there to take away. */
async function leaves(mac: BlueBubbles, change: () => Promise<unknown>): Promise<void> {
  const looks = () => mac.calls.filter((call) => call === 'GET /api/v1/webhook').length
  const before = looks()
  await change()
  await until('it to look', looks, (made) => made > before)
}

function moveTo({ url, password }: Pick<BlueBubbles, 'url' | 'password'>, { operator }: Readback) {
  return operator.must(200, 'PATCH', PATH, { settings: { url, password } })
}

async function inboundUrl({ operator }: Readback): Promise<string> {
  return (await operator.must(200, 'GET', `${PATH}/inbound-url`)).body.inbound_url
}

const calls = (mac: BlueBubbles, ...urls: readonly string[]) =>
  until(
    `the Mac to call ${urls.length} lines`,
    () => mac.webhooks.map(({ url }) => url),
    (there) => there.join() === urls.join(),
  )
