import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { client } from './support/client.ts'
import { sendRaw } from './support/raw-http.ts'
import { CONTACT, customer, OPERATOR_TOKEN, startReadback } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { until } from './support/until.ts'
import { keysOf, listen, signIn } from './support/visitor.ts'

const SESSION = '/console/session'
const opener = { operator_token: OPERATOR_TOKEN }

describe('the entrance of the console', () => {
  const server = shareReadback()

  const seen = async (base: string, ...headers: string[]) => {
    const lines = [`GET ${SESSION} HTTP/1.1`, 'connection: close', ...headers, '', '']
    return (await sendRaw(base, Buffer.from(lines.join('\r\n'))))?.status
  }

  test('is open by the names of this machine, by the one that it listens on, and by none that looks like them', async () => {
    for (const host of ['127.0.0.1:7070', '127.9.9.9', 'localhost:1', 'LOCALHOST', '[::1]:7070']) {
      assert.equal(await seen(server.base, `host: ${host}`), 200, host)
    }
    const strange = ['127.0.0.1.rebound.example', 'a127.0.0.1', 'localhost.rebound.example', '[::2]', '0.0.0.0']
    for (const host of strange) assert.equal(await seen(server.base, `host: ${host}`), 403, host)
    await using everywhere = await startReadback({ HOST: '0.0.0.0' })
    assert.equal(await seen(everywhere.base, 'host: 0.0.0.0:7070'), 200)
  })

  test('is open to who types its address', async () => {
    assert.equal(await seen(server.base, 'host: localhost', 'sec-fetch-site: none'), 200)
  })

  test('knows its cookie among others, and by its whole name', async () => {
    const { cookie } = await signIn(server.base, opener)
    const kind = async (cookies: string) => {
      const { body, headers } = await client(server.base, { cookie: cookies }).must(200, 'GET', SESSION)
      assert.equal(headers.get('cache-control'), 'no-store')
      return body.kind
    }
    for (const cookies of [`theirs=1; ${cookie}; more=2`, `theirs=1;${cookie}`]) {
      assert.equal(await kind(cookies), 'operator', 'among others')
    }
    assert.equal(await kind(`not_${cookie}`), 'nobody')
  })

  test('has the cookie forgotten where one signs out, and sends it without TLS where it is reached without', async () => {
    await using plain = await startReadback({ READBACK_PUBLIC_URL: 'http://readback.example.com' })
    const here = client(plain.base, { origin: 'http://readback.example.com' })
    const { headers } = await here.must(200, 'POST', SESSION, opener)
    assert.match(headers.get('set-cookie') ?? '', /; Max-Age=43200$/)
    const { headers: ended } = await here.must(200, 'DELETE', SESSION)
    assert.match(ended.get('set-cookie') ?? '', /^readback_session=; .*; Max-Age=0$/)
  })
})

describe('a page that is not there', () => {
  const server = shareReadback()

  test('is the way back for a person, and an error like any other for a program', async () => {
    const seen = async (host: string, accept: string) => {
      const lines = ['GET /nowhere HTTP/1.1', 'connection: close', `host: ${host}`, `accept: ${accept}`, '', '']
      const answer = await sendRaw(server.base, Buffer.from(lines.join('\r\n')))
      return [answer?.status, answer?.headers['content-type']?.split(';')[0]]
    }
    const browser = 'text/html,application/xhtml+xml,*/*;q=0.8'
    assert.deepEqual(await seen('localhost', browser), [404, 'text/html'])
    assert.deepEqual(await seen('localhost', '*/*'), [404, 'application/json'])
    assert.deepEqual(await seen('rebound.example', browser), [403, 'application/json'])
  })
})

describe('a conversation in the list', () => {
  const server = shareReadback()

  test('shows how its last message begins, and that its receipt waits for a reply', async () => {
    const account = await customer(server, { auto: true, lines: [ownLine()] })
    await account.must(200, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing: { mode: 'on_reply' } })
    await account.write({ content: 'x'.repeat(5_000) })
    const visitor = await signIn(server.base, keysOf(account))
    const [{ last_message, receipt }] = (await visitor.must(200, 'GET', '/console/conversations')).body.data
    assert.deepEqual([last_message.content, receipt.reason], ['x'.repeat(200), 'awaiting_reply'])
  })

  test('shows who wrote its last message, also in a group', async () => {
    const line = ownLine()
    const account = await customer(server, { lines: [line] })
    const visitor = await signIn(server.base, keysOf(account))
    const last = async () => (await visitor.must(200, 'GET', '/console/conversations')).body.data[0].last_message
    await account.write({ number: '+14155550101', group_id: 'friends' })
    const { is_outbound, contact } = await last()
    assert.deepEqual([is_outbound, contact], [false, '+14155550101'])
    await account.must(200, 'POST', '/api/send-message', { number: CONTACT, from_number: line, content: 'Hi' })
    assert.equal((await last()).is_outbound, true)
  })

  test('shows that its last message is a file', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    const file = 'https://example.com/1.png'
    await account.write({ content: undefined, media_urls: [file] })
    const visitor = await signIn(server.base, keysOf(account))
    const [{ last_message }] = (await visitor.must(200, 'GET', '/console/conversations')).body.data
    assert.equal(last_message.media_url, file)
  })
})

describe('a line in the console', () => {
  const server = shareReadback()

  test('has the address that its carrier calls, which looking at leaves as it is', async () => {
    const line = ownLine()
    const account = await customer(server, { lines: [line] })
    const path = `lines/${encodeURIComponent(line)}/inbound-url`
    const { inbound_url } = (await server.operator.must(200, 'GET', `/operator/${path}`)).body
    const visitor = await signIn(server.base, keysOf(account))
    for (const _ of [1, 2]) {
      assert.equal((await visitor.must(200, 'GET', `/console/${path}`)).body.inbound_url, inbound_url)
    }
  })

  test('says what waits for it, and whether it is paused', async () => {
    const line = ownLine()
    const account = await customer(server, { lines: [line] })
    const visitor = await signIn(server.base, keysOf(account))
    const standing = async () => {
      const [{ queued, paused }] = (await visitor.must(200, 'GET', '/console/lines')).body.data
      return [queued, paused]
    }
    assert.deepEqual(await standing(), [0, false])
    await server.operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(line)}`, { paused: true })
    await account.markRead()
    assert.deepEqual(await standing(), [1, true])
  })
})

describe('what the console is told', () => {
  const server = shareReadback()

  test('is each change, also one that comes right after another, until the server ends', async () => {
    await using own = await startReadback()
    const account = await customer(own)
    const { cookie } = await signIn(own.base, keysOf(account))
    await using stream = await listen(own.base, cookie)
    const changes = (count: number) =>
      until(
        `change ${count}`,
        () => stream.text().split('event: change').length - 1,
        (told) => told >= count,
      )
    await until('it to be open', stream.text, (text) => text.includes('event: hello'))
    for (const count of [1, 2, 3]) {
      await account.write()
      await changes(count)
    }
    const startedAt = performance.now()
    await own.stop()
    await stream.ended
    assert.ok(performance.now() - startedAt < 5_000, 'it waited for who listens')
  })

  test('is that of its own account, and no more often than five times a second', async () => {
    const [account, other] = await Promise.all([1, 2].map(() => customer(server, { lines: [ownLine()] })))
    assert.ok(account !== undefined && other !== undefined)
    const openedAt = performance.now()
    const { cookie } = await signIn(server.base, keysOf(account))
    await using stream = await listen(server.base, cookie)
    const told = () => stream.text().split('event: change').length - 1
    await until('it to be open', stream.text, (text) => text.includes('event: hello'))
    for (let count = 0; count < 30; count++) await other.write()
    assert.equal(told(), 0)
    for (let count = 0; count < 30; count++) await account.write()
    await until('it to be told', told, (changes) => changes > 0)
    const most = (performance.now() - openedAt) / 200 + 1
    assert.ok(told() <= most, `${told()} times, and not ${most}`)
  })

  test('is how long half of the receipts took, and how long nearly all, in the minute in which they ended', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    for (let count = 0; count < 3; count++) await account.settled(await account.markRead())
    await account.carrier({ latency_ms: 1_000 })
    const { settled_at } = await account.settled(await account.markRead())
    const visitor = await signIn(server.base, keysOf(account))
    const { body } = await visitor.must(200, 'GET', '/console/overview')
    const { p50, p99 } = body.request_to_carrier_ms
    assert.ok(p50 < p99 && p99 >= 900, `${p50} and ${p99}`)
    const minutes = body.receipts.map(({ at }: { at: string }) => at)
    assert.ok(minutes.includes(`${settled_at?.slice(0, 16)}:00.000Z`), minutes.join(' '))
    assert.deepEqual([body.queued, body.queued_and_more], [0, false])
  })
})
