import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Desk, describeOnBoth } from './support/both-engines.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { CONTACT, customer } from './support/readback.ts'
import { until } from './support/until.ts'
import { keysOf, signIn } from './support/visitor.ts'
import { addWebhooks } from './support/webhooks.ts'

describeOnBoth((desk) => {
  describe('conversations in the console', () => describeConversations(desk))
})

interface Trouble {
  readonly status: number | null
}

function describeConversations(desk: Desk): void {
  test('come newest first, by pages that meet, and by what one looks for', async () => {
    const { server } = desk
    const [line, other] = ['+19175550102', '+19175550103']
    const account = await customer(server, { lines: [line, other] })
    const visitor = await signIn(server.base, keysOf(account))
    const number = (i: number) => `+14155550${100 + i}`
    for (let i = 0; i < 25; i += 1)
      await account.write({ number: number(i), to_number: line, ...(i % 5 === 0 ? { service: 'SMS' } : {}) })
    await account.write({ number: number(3), to_number: line, content: 'again' })
    const stranger = await customer(server, { lines: ['+19175550104'] })
    for (let i = 0; i < 11; i += 1) await stranger.write({ number: number(i), to_number: '+19175550104' })
    const list = async (query: Record<string, string>) => {
      const { body } = await visitor.must(200, 'GET', `/console/conversations?${new URLSearchParams(query)}`)
      return body
    }
    const numbers = async (query: Record<string, string>) =>
      (await list(query)).data.map((each: { number: string }) => each.number)
    const pages: string[][] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { data: { number: string }[]; next_cursor: string | null } = await list({
        limit: '10',
        ...(cursor === '' ? {} : { cursor }),
      })
      pages.push(page.data.map((each) => each.number))
      cursor = page.next_cursor
    }
    const rest = Array.from({ length: 25 }, (_, i) => number(24 - i)).filter((each) => each !== number(3))
    assert.deepEqual(pages.flat(), [number(3), ...rest])
    assert.deepEqual(
      pages.map(({ length }) => length),
      [10, 10, 5],
    )
    assert.equal((await list({ limit: '25' })).next_cursor, null)

    assert.deepEqual((await list({ search: '(415) 555-0124' })).data, [])
    for (const search of ['1 (415) 555-0124', '+1 (415) 555-0124'])
      assert.deepEqual(await numbers({ search }), [number(24)])
    assert.equal((await list({ service: 'SMS' })).data.length, 5)
    assert.equal((await list({ from_number: other })).data.length, 0)
    const sms = await account.settled(await account.markRead(number(5), line))
    assert.equal(sms.reason, 'sms')
    await account.settled(await account.markRead(number(6), line))
    assert.deepEqual(await numbers({ state: 'failed' }), [number(5)])
    assert.deepEqual(await numbers({ state: 'read' }), [number(6)])
    assert.equal((await list({ state: 'unread' })).data.length, 24)
    await account.write({ number: 'ada@example.com', to_number: line })
    for (const group_id of ['Team-A', '20260401']) await account.write({ number: number(1), to_number: line, group_id })
    for (const [search, found] of [
      [' Ada ', 'ada@example.com'],
      ['Team', 'Team-A'],
      ['2026', '20260401'],
    ] as const) {
      assert.deepEqual(await numbers({ search }), [found])
    }
    const path = `/operator/lines/${encodeURIComponent(line)}`
    await server.operator.must(200, 'PATCH', path, { paused: true })
    await account.markRead(number(1), line)
    assert.equal((await list({ search: number(1) })).data[0].receipt.reason, 'line_paused')
  })

  test('show their newest 60 messages, and those before them when asked', async () => {
    const line = '+19175550105'
    const account = await customer(desk.server, { lines: [line] })
    const handles: string[] = []
    for (let i = 0; i < 61; i += 1) handles.push(...(await account.write({ to_number: line })))
    const visitor = await signIn(desk.server.base, keysOf(account))
    const [{ conversation_id }] = (await visitor.must(200, 'GET', '/console/conversations')).body.data
    const shown = async (query: string) => {
      const { messages, more } = (await visitor.must(200, 'GET', `/console/conversations/${conversation_id}${query}`))
        .body
      return [messages.map(({ message_handle }: { message_handle: string }) => message_handle), more]
    }
    assert.deepEqual(await shown(''), [handles.slice(1), true])
    assert.deepEqual(await shown(`?before=${handles[1]}`), [handles.slice(0, 1), false])
  })

  test('say of a message which group it is of, and what keeps the webhook for it', async () => {
    await using sink = await startCustomerServer()
    sink.answer = (_, response) => response.writeHead(500).end()
    const line = '+19175550106'
    const account = await customer(desk.server, { lines: [line] })
    const visitor = await signIn(desk.server.base, keysOf(account))
    await addWebhooks(account, [sink.url, 'http://127.0.0.1:9'])
    const groups = { 'Team-A': 'Team-A', [CONTACT]: null }
    for (const group_id of Object.values(groups))
      await account.write({ to_number: line, ...(group_id && { group_id }) })
    const { data } = (await visitor.must(200, 'GET', '/console/conversations')).body
    for (const { conversation_id, number } of data) {
      const view = () => visitor.must(200, 'GET', `/console/conversations/${conversation_id}`)
      const { body } = await until('both to be tried', view, (seen) => seen.body.troubles.length === 2)
      const [{ message_handle, group_id }] = body.messages
      assert.equal(group_id, groups[number as keyof typeof groups])
      assert.deepEqual(
        body.troubles.toSorted((one: Trouble, other: Trouble) => Number(one.status) - Number(other.status)),
        [
          { message_handle, state: 'waiting', status: null, reason: 'unreachable' },
          { message_handle, state: 'waiting', status: 500, reason: null },
        ],
      )
    }
  })

  for (const query of [
    'limit=0',
    'limit=101',
    'limit=x',
    'cursor=x',
    'cursor=conv_1.',
    'state=lost',
    'service=Telex',
    'from_number=1',
    'more=1',
  ]) {
    test(`are refused for ${query}, and the answer names it`, async () => {
      const visitor = await signIn(desk.server.base, keysOf(desk.account))
      const answer = await visitor.must(400, 'GET', `/console/conversations?${query}`)
      assert.ok(answer.body.message.includes(query.split('=')[0]))
    })
  }
}
