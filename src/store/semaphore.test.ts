import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApiKey } from '../core/account.ts'
import type { Caller } from '../core/caller.ts'
import { ReadbackError } from '../core/errors.ts'
import { Semaphore } from './semaphore.ts'

const PATIENCE_MS = 1_000
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A key of an account's; an account has any number of them. */
const keyOf = (account: number, key = 0): { credentials: ApiKey } => ({
  credentials: { keyId: String(account), secret: `${key}` } as ApiKey,
})

describe('one place that many want', () => {
  /** What is let in says so, and stays until it is let out. */
  const place = (identify: (credentials: ApiKey) => Promise<void> = async () => {}, places = 1, leavesOne = false) => {
    const semaphore = new Semaphore(
      places,
      async ({ credentials }) => {
        await identify(credentials as ApiKey)
        return { account: { id: Number((credentials as ApiKey).keyId) } } as Caller
      },
      { patienceMs: PATIENCE_MS, leavesOne },
    )
    const told: string[] = []
    const inside: PromiseWithResolvers<void>[] = []
    const want = (name: string, call: unknown) => {
      const work = () => {
        told.push(name)
        const stay = Promise.withResolvers<void>()
        inside.push(stay)
        return stay.promise
      }
      return semaphore.through(call, work).catch(({ code, message }) => told.push(`${name}: ${code ?? message}`))
    }
    const leave = async (error?: Error) => {
      const stay = inside.shift()
      if (error === undefined) stay?.resolve()
      else stay?.reject(error)
      await turn()
    }
    return { want, leave, told }
  }

  test('is had by accounts in turn, whichever of its keys each has, and by one after another of what names nobody', async () => {
    const { want, leave, told } = place()
    const calls: [string, unknown][] = [
      ['in', keyOf(1)],
      ['1a', keyOf(1)],
      ['1b', keyOf(1, 2)],
      ['1c', keyOf(1)],
      ['2a', keyOf(2)],
      ['2b', keyOf(2)],
      ['nobody', { limit: 9 }],
    ]
    for (const [name, call] of calls) {
      void want(name, call)
      await turn()
    }
    for (const _ of calls) await leave()
    assert.deepEqual(told, ['in', '1a', '2a', 'nobody', '1b', '2b', '1c'])
    void want('later', keyOf(3))
    await turn()
    assert.equal(told.at(-1), 'later')
  })

  test('is, of two, kept from an account that has the other, and is there for whoever comes', async () => {
    const { want, leave, told } = place(undefined, 2, true)
    const calls: [string, unknown][] = [
      ['1a', keyOf(1)],
      ['1b', keyOf(1, 2)],
      ['1c', keyOf(1)],
      ['2a', keyOf(2)],
      ['2b', keyOf(2)],
    ]
    for (const [name, call] of calls) {
      void want(name, call)
      await turn()
    }
    assert.deepEqual(told, ['1a', '2a'])
    for (const _ of calls) await leave()
    assert.deepEqual(told, ['1a', '2a', '1b', '2b', '1c'])
    void want('3a', keyOf(3))
    void want('1d', keyOf(1))
    await turn()
    assert.deepEqual(told.slice(5).sort(), ['1d', '3a'])
  })

  test('is, of three, left to whoever has none, though two that have the others want more', async () => {
    const { want, leave, told } = place(undefined, 3, true)
    const come = async (name: string) => {
      void want(name, keyOf(Number(name[0])))
      await turn()
    }
    for (const name of ['2a', '1a', '1b', '2b']) await come(name)
    assert.deepEqual(told, ['2a', '1a'])
    await come('3a')
    assert.deepEqual(told.slice(2), ['3a'])
    for (let ended = 0; ended < 3; ended++) await leave()
    assert.deepEqual(told.slice(3), ['2b', '1b'])
    for (const name of ['1c', '2c']) await come(name)
    assert.equal(told.length, 5)
    // Its own was the last that the second had.
    await leave()
    assert.deepEqual(told.slice(5), ['1c', '2c'])
  })

  test('is free again after what fails there, and taken at once by who was being looked up meanwhile', async () => {
    const looked = Promise.withResolvers<void>()
    const { want, leave, told } = place(() => looked.promise)
    void want('first', keyOf(1))
    void want('second', keyOf(2))
    await leave(new Error('broken'))
    looked.resolve()
    await turn()
    assert.deepEqual(told, ['first', 'first: broken', 'second'])
    void want('third', keyOf(2))
    await turn()
    assert.equal(told.length, 3)
  })

  test('looks up who wants it once, and again who was refused', async () => {
    let away = true
    const asked: string[] = []
    const { want, leave, told } = place(async ({ keyId }) => {
      asked.push(keyId)
      if (away) throw new ReadbackError('unavailable', 'away')
    })
    void want('in', keyOf(1))
    await want('refused', keyOf(2))
    away = false
    for (const name of ['once', 'twice']) {
      void want(name, keyOf(2))
      await turn()
    }
    for (let count = 0; count < 3; count++) await leave()
    assert.deepEqual(told, ['in', 'refused: unavailable', 'once', 'twice'])
    assert.deepEqual(asked, ['2', '2'])
  })

  test('is not kept from the owner of a key by who knows its id alone', async () => {
    const { want, leave, told } = place(async ({ secret }) => {
      if (secret === 'wrong') throw new ReadbackError('unauthorized', 'wrong')
    })
    void want('in', keyOf(1))
    void want('stranger', { credentials: { ...keyOf(2).credentials, secret: 'wrong' } })
    void want('owner', keyOf(2))
    await turn()
    await leave()
    assert.deepEqual(told, ['in', 'stranger: unauthorized', 'owner'])
  })

  test('is refused to who waited too long, and then goes to the next', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { want, leave, told } = place()
    void want('in', keyOf(1))
    void want('first', keyOf(2))
    await turn()
    t.mock.timers.tick(PATIENCE_MS / 2)
    void want('second', keyOf(2))
    await turn()
    t.mock.timers.tick(PATIENCE_MS / 2)
    await turn()
    await leave()
    assert.deepEqual(told, ['in', 'first: unavailable', 'second'])
    t.mock.timers.tick(PATIENCE_MS)
    await leave()
    void want('third', keyOf(3))
    await turn()
    assert.deepEqual(told.slice(3), ['third'])
  })
})
