import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Desk, describeOnBoth } from './support/both-engines.ts'
import { customer } from './support/readback.ts'
import { keysOf, signIn } from './support/visitor.ts'

describeOnBoth((desk) => {
  describe('conversations in the console', () => describeConversations(desk))
})

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
    assert.equal((await list({ search: '1 (415) 555-0124' })).data[0].number, number(24))
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
      ['Ada', 'ada@example.com'],
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

  for (const query of [
    'limit=0',
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
