import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SILENT } from '../../test/support/lane.ts'
import { Turns } from './turns.ts'

const common = { complaint: 'the store is away', tag: {}, log: SILENT, now: () => Date.now() }

/** So many microtasks later: finer than any timer. */
async function breaths(count: number): Promise<void> {
  for (let breath = 0; breath < count; breath++) await undefined
}

describe('the turns of a lane', () => {
  for (let late = 0; late <= 12; late++) {
    test(`lose no nudge that comes ${late} microtasks after a step has ended`, async () => {
      let steps = 0
      const first = Promise.withResolvers<null>()
      const second = Promise.withResolvers<void>()
      const step = () => {
        steps += 1
        if (steps === 1) return first.promise
        second.resolve()
        return Promise.resolve(null)
      }
      const turns = new Turns({ ...common, step })
      turns.nudge()
      first.resolve(null)
      await breaths(late)
      turns.nudge()
      await second.promise
      await turns.stop()
      assert.equal(steps, 2)
    })
  }

  test('are told to be over when nothing is due and nobody has nudged meanwhile, and never before', async () => {
    const first = Promise.withResolvers<null>()
    const told: number[] = []
    let steps = 0
    const step = () => {
      steps += 1
      return steps === 1 ? first.promise : Promise.resolve(null)
    }
    const turns = new Turns({ ...common, step, onIdle: () => told.push(steps) })
    turns.nudge()
    turns.nudge()
    first.resolve(null)
    await breaths(12)
    assert.deepEqual(told, [2])
  })

  test('are not over while something is due later', async () => {
    let told = 0
    const turns = new Turns({ ...common, step: async () => Date.now() + 60_000, onIdle: () => (told += 1) })
    turns.nudge()
    await breaths(12)
    await turns.stop()
    assert.equal(told, 0)
  })

  test('stop with the step under way: none begins behind it, and nothing is left that would wake them', async (t) => {
    const timers = t.mock.method(globalThis, 'setTimeout')
    const under = Promise.withResolvers<number>()
    const story: string[] = []
    const step = () => {
      story.push('step')
      return under.promise.finally(() => story.push('done'))
    }
    const turns = new Turns({ ...common, step, onIdle: () => story.push('idle') })
    turns.nudge()
    turns.nudge()
    const stopped = turns.stop().then(() => story.push('stopped'))
    await breaths(12)
    assert.deepEqual(story, ['step'])
    under.resolve(Date.now() + 60_000)
    await stopped
    turns.nudge()
    await breaths(12)
    assert.deepEqual([story, timers.mock.callCount()], [['step', 'done', 'stopped'], 0])
  })

  test('are one at a time, and many nudges meanwhile make one more', async () => {
    let under = 0
    let most = 0
    let steps = 0
    const step = async () => {
      under += 1
      steps += 1
      most = Math.max(most, under)
      await new Promise(setImmediate)
      under -= 1
      return null
    }
    const turns = new Turns({ ...common, step })
    for (let nudge = 0; nudge < 10; nudge++) turns.nudge()
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    await turns.stop()
    assert.deepEqual([most, steps], [1, 2])
  })

  test('come when the last step said, also where that is further off than a timer can hold', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    const at: number[] = []
    const month = 31 * 86_400_000
    const turns = new Turns({
      ...common,
      async step() {
        at.push(Date.now())
        return at.length === 1 ? 50 : month
      },
    })
    turns.nudge()
    await breaths(9)
    t.mock.timers.tick(50)
    await breaths(9)
    t.mock.timers.tick(1_000)
    await breaths(9)
    assert.deepEqual(at, [0, 50])
    await turns.stop()
  })

  test('go on after a store that was away', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    let steps = 0
    const turns = new Turns({
      ...common,
      async step() {
        steps += 1
        if (steps === 1) throw new Error('away')
        return null
      },
    })
    turns.nudge()
    await breaths(9)
    t.mock.timers.tick(1_000)
    await breaths(9)
    assert.equal(steps, 2)
    await turns.stop()
  })

  test('tell of a store that is away once, of each other error, and again once it was back', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    const told: unknown[] = []
    const log = { ...SILENT, warn: (said: object) => told.push(said) }
    const outcomes = ['away', 'away', 'broken', undefined, 'broken']
    const turns = new Turns({
      ...common,
      log,
      async step() {
        const outcome = outcomes.shift()
        if (outcome !== undefined) throw new Error(outcome)
        return Date.now()
      },
    })
    turns.nudge()
    while (outcomes.length > 0) {
      await breaths(9)
      t.mock.timers.tick(1_000)
    }
    await breaths(9)
    assert.deepEqual(told, [{ error: 'away' }, { error: 'broken' }, { error: 'broken' }])
    await turns.stop()
  })
})
