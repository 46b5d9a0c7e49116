import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiKey } from '../../core/account.ts'
import { ReadbackError } from '../../core/errors.ts'
import { Semaphore } from '../semaphore.ts'
import { CallerTurns } from './caller-turns.ts'
import type { Telling } from './telling.ts'
import type { Transaction } from './transactions.ts'

const call = { credentials: { keyId: 'a key', secret: 'its secret' } as ApiKey }

/** Its calls in their order, what each comes to, and those that were begun. */
async function outcomes(ends: readonly (Error | string)[]) {
  const begun: number[] = []
  const telling = (async (work: (transaction: Transaction) => Promise<{ answer: unknown }>) =>
    (await work({} as Transaction)).answer) as Telling
  const turns = new CallerTurns(telling, new Semaphore(9, () => Promise.reject(new Error('nobody waits'))))
  const asked = ends.map((end, number) =>
    turns.run('snapshot', call, async () => {
      begun.push(number)
      await new Promise(setImmediate)
      assert.equal(begun.at(-1), number, 'one at a time')
      if (end instanceof Error) throw end
      return { answer: end, told: [] }
    }),
  )
  const settled = await Promise.allSettled(asked)
  return { begun, said: settled.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message)) }
}

test('a caller’s calls are done one after the other, and what one is refused for is its own', async () => {
  const refused = new ReadbackError('conflict', 'refused')
  assert.deepEqual(await outcomes(['first', refused, new Error('a defect'), 'last']), {
    begun: [0, 1, 2, 3],
    said: ['first', 'refused', 'a defect', 'last'],
  })
})

test('a caller’s calls that wait while the store goes away are refused with the one that found it so', async () => {
  const away = new ReadbackError('unavailable', 'away')
  assert.deepEqual(await outcomes(['first', away, 'second', 'third']), {
    begun: [0, 1],
    said: ['first', 'away', 'away', 'away'],
  })
})
