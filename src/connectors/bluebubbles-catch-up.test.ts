import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { catchUp } from './bluebubbles-catch-up.ts'
import type { Talk } from './bluebubbles-talk.ts'

const SETTINGS = { url: 'http://127.0.0.1:9', password: 'a password' }
const NOW = 1_790_000_000_000

const at = (row: number) => JSON.stringify({ url: SETTINGS.url, row })

/** A Mac that answers each list so. */
function mac(list: (body: unknown) => unknown) {
  const state = { calls: 0 }
  const talk: Talk = async (_method, _path, body) => {
    state.calls += 1
    return { kind: 'done', data: list(body), date: undefined }
  }
  return { state, ask: (cursor: string | null, now = NOW) => catchUp(() => talk, SETTINGS, cursor, now) }
}

const numbered = (row: number) => ({ originalROWID: row, guid: `message ${row}` })

/** Rows beyond what is asked for, as BlueBubbles has them. */
function beyond(rows: readonly { originalROWID: number }[]) {
  return (body: unknown) => {
    const { where } = body as { where: { args: { startRowId?: number; endRowId?: number } }[] }
    const { startRowId = 0, endRowId = Number.POSITIVE_INFINITY } = Object.assign({}, ...where.map(({ args }) => args))
    return rows.filter(({ originalROWID: row }) => row > startRowId && row <= endRowId)
  }
}

describe('catching up', () => {
  test('keeps its place at a Mac that shows nothing for a moment, and brings no history afterwards', async () => {
    const empty = await mac(() => []).ask(at(450))
    assert.deepEqual([empty.kind, 'reason' in empty && empty.reason], ['unavailable', 'carrier_error'])
  })

  test('keeps its place where its row is deleted and the next one is written while it looks', async () => {
    const rows = [{ originalROWID: 449 }]
    const { ask } = mac((body) => {
      const seen = beyond(rows)(body)
      if (rows.length === 1) rows.push({ originalROWID: 451 })
      return seen
    })
    const looked = await ask(at(450))
    assert.ok(looked.kind === 'done')
    const again = await ask(looked.cursor)
    assert.ok(again.kind === 'done')
    assert.deepEqual([again.refused.length, again.cursor], [1, at(451)])
  })

  test('brings what is written right after as many as one page holds', async () => {
    const rows = Array.from({ length: 200 }, (_, index) => ({ originalROWID: index + 1 }))
    const { ask } = mac(beyond(rows))
    const brought: string[] = []
    for (let cursor = at(1), looks = 0; looks < 3; looks += 1) {
      const looked = await ask(cursor)
      assert.ok(looked.kind === 'done')
      assert.equal(looked.warning, undefined)
      brought.push(...looked.refused)
      cursor = looked.cursor
      if (looks === 0) rows.push({ originalROWID: 201 })
    }
    assert.equal(brought.length, 200)
  })

  test('goes past more numbers than a page holds that no row has', async () => {
    const { ask } = mac(beyond([1, ...Array.from({ length: 250 }, (_, index) => index + 500)].map(numbered)))
    let brought = 0
    for (let cursor = at(1), looks = 0; looks < 5; looks += 1) {
      const looked = await ask(cursor)
      assert.ok(looked.kind === 'done')
      brought += looked.refused.length
      cursor = looked.cursor
    }
    assert.equal(brought, 250)
  })

  for (const [where, numbers] of [
    ['right behind its place, in a full page', Array.from({ length: 250 }, (_, index) => index + 2)],
    ['behind a row that was deleted', [3, 4]],
  ] as const) {
    test(`knows the Mac again at another address while it waits for a row ${where}`, async () => {
      const [held = 0] = numbers
      const rows = [1, ...numbers].map(numbered)
      const early = { ...numbered(held), isFromMe: false, chats: [] }
      const { ask } = mac(beyond(rows.with(1, early)))
      const waits = await ask(JSON.stringify({ ...JSON.parse(at(1)), message: 'message 1' }))
      assert.ok(waits.kind === 'done' && waits.comeBackMs !== null && waits.comeBackMs > 0)
      const moved = await ask(waits.cursor.replace('127.0.0.1', 'localhost'), NOW + 30_000)
      assert.ok(moved.kind === 'done')
      assert.equal(moved.refused.length, Math.min(numbers.length, 199))
    })
  }

  test('begins at the newest of another Mac, also where there was nothing on the one before', async () => {
    const { ask } = mac(beyond([{ originalROWID: 4 }, { originalROWID: 5 }]))
    const begun = await ask(JSON.stringify({ url: 'http://127.0.0.1:10', row: 0 }))
    assert.ok(begun.kind === 'done')
    assert.deepEqual([begun.refused, begun.cursor], [[], at(5)])
  })

  test('asks nobody without end who answers each question alike', async () => {
    const { ask, state } = mac(() => [{ originalROWID: 7 }])
    assert.equal((await ask(null)).kind, 'unavailable')
    assert.equal((await ask(at(3))).kind, 'done')
    assert.equal((await ask(at(9))).kind, 'unavailable')
    assert.ok(state.calls < 6, `${state.calls} calls`)
  })

  test('asks a Mac that takes long for little at a time, and for as much as ever once there is no more', async () => {
    const rows = Array.from({ length: 25 }, (_, index) => ({ originalROWID: index + 1 }))
    const limits: number[] = []
    const slow: Talk = async (_method, _path, body) => {
      const { limit } = body as { limit: number }
      limits.push(limit)
      if (limit > 10) return { kind: 'unavailable', reason: 'timeout', mayHaveArrived: true }
      return { kind: 'done', data: beyond(rows)(body).slice(0, limit), date: undefined }
    }
    const ask = async (cursor: string | null) => {
      limits.length = 0
      const caughtUp = await catchUp(() => slow, SETTINGS, cursor, NOW)
      assert.ok(caughtUp.kind === 'done')
      return { ...caughtUp, asked: Math.max(...limits) }
    }
    assert.equal((await ask(null)).cursor, at(25))
    const first = await ask(at(1))
    assert.deepEqual([first.refused.length, first.comeBackMs, first.asked], [9, 0, 200])
    const second = await ask(first.cursor)
    assert.deepEqual([second.refused.length, second.comeBackMs, second.asked], [9, 0, 10])
    const third = await ask(second.cursor)
    assert.deepEqual([third.refused.length, third.comeBackMs, third.cursor], [6, null, at(25)])
  })

  for (const [when, dateCreated] of [
    ['long ago', NOW - 3_600_000],
    ['next year', NOW + 31_536_000_000],
  ] as const) {
    test(`waits for 30 s since it first saw it for what lacks its conversation, though it is dated ${when}`, async () => {
      const row = { originalROWID: 2, isFromMe: false, itemType: 0, chats: [], dateCreated }
      const { ask } = mac(beyond([{ originalROWID: 1 }, row]))
      const first = await ask(at(1))
      assert.ok(first.kind === 'done' && first.comeBackMs !== null && first.refused.length === 0)
      const second = await ask(first.cursor, NOW + 29_000)
      assert.ok(second.kind === 'done' && second.comeBackMs !== null && second.refused.length === 0)
      const third = await ask(second.cursor, NOW + 30_000)
      assert.ok(third.kind === 'done' && third.comeBackMs === null)
      assert.deepEqual([third.refused.length, JSON.parse(third.cursor)], [1, JSON.parse(at(2))])
    })
  }

  test('waits no hour for what lacks its conversation, where the clock is set back by one meanwhile', async () => {
    const row = { originalROWID: 2, isFromMe: false, itemType: 0, chats: [] }
    const { ask } = mac(beyond([{ originalROWID: 1 }, row]))
    const first = await ask(at(1))
    assert.ok(first.kind === 'done' && first.comeBackMs !== null)
    const second = await ask(first.cursor, NOW - 3_600_000)
    assert.ok(second.kind === 'done')
    assert.deepEqual([second.comeBackMs, second.cursor], [null, at(2)])
  })
})
