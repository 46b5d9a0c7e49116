import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { AGAIN, Batches } from './batches.ts'

/** Its batches wait until they are let go. */
function held(options: { readonly atOnce?: number; readonly byHalves?: boolean }) {
  const runs: { readonly calls: readonly number[]; letGo(): void }[] = []
  const begun = new Map<number, () => void>()
  const batches = new Batches<number, number>((calls) => {
    const { promise, resolve } = Promise.withResolvers<readonly number[]>()
    runs.push({ calls, letGo: () => resolve(calls.map((call) => 2 * call)) })
    begun.get(runs.length)?.()
    return promise
  }, options)
  const run = async (number: number) => {
    if (runs.length < number) await new Promise<void>((resolve) => begun.set(number, resolve))
    return runs[number - 1] as (typeof runs)[number]
  }
  return { batches, runs, run }
}

describe('batches', () => {
  test('go beside each other where they are full, and gather what fills none', async () => {
    const { batches, runs, run } = held({ atOnce: 2 })
    const answers = Array.from({ length: 600 }, (_, call) => batches.call(call))
    const [first, second] = [await run(1), await run(2)]
    assert.deepEqual([first.calls.length, second.calls.length], [256, 256])
    first.letGo()
    await answers[0]
    const later = batches.call(600)
    await nextTurn()
    assert.equal(runs.length, 2)
    second.letGo()
    const third = await run(3)
    assert.deepEqual([third.calls.length, third.calls.at(0), third.calls.at(-1)], [89, 512, 600])
    third.letGo()
    await batches.finished()
    assert.equal(await later, 1_200)
    assert.deepEqual(
      await Promise.all(answers),
      Array.from({ length: 600 }, (_, call) => 2 * call),
    )
  })

  test('go one after the other where nothing else is said', async () => {
    const { batches, runs, run } = held({})
    const answers = Promise.all(Array.from({ length: 600 }, (_, call) => batches.call(call)))
    for (const number of [1, 2, 3]) {
      const { letGo } = await run(number)
      await nextTurn()
      assert.equal(runs.length, number)
      letGo()
    }
    assert.equal((await answers).length, 600)
    await batches.finished()
  })

  test('take half of those who keep asking, where they are to, and enough to be worth it', async () => {
    const { batches, run } = held({ byHalves: true })
    const all: Promise<number>[] = []
    const ask = (count: number) => {
      for (let call = 0; call < count; call++) all.push(batches.call(call))
    }
    ask(100)
    // Nobody knows yet how many they are; then all of them ask again as soon as they are answered.
    const sizes: number[] = []
    for (const number of [1, 2, 3, 4, 5]) {
      const { calls, letGo } = await run(number)
      sizes.push(calls.length)
      letGo()
      await all[sizes.reduce((sum, size) => sum + size, 0) - 1]
      if (number < 4) ask(calls.length)
    }
    assert.deepEqual(sizes, [32, 50, 50, 50, 50])
    await batches.finished()
  })

  test('take up again, ahead of others, what has to be', async () => {
    const seen: (readonly number[])[] = []
    const batches = new Batches<number, number>(async (calls) => {
      seen.push(calls)
      return calls.map((call) => (seen.length === 1 && call % 2 === 1 ? AGAIN : call))
    })
    assert.deepEqual(await Promise.all([1, 2, 3].map((call) => batches.call(call))), [1, 2, 3])
    assert.deepEqual(seen, [
      [1, 2, 3],
      [1, 3],
    ])
  })
})
