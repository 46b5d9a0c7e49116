import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { dataFolder } from '../../test/support/data-folder.ts'
import { contactOf, desk, LIFETIME_MS, LINE, WORDS } from './desk.contract.ts'

/** As many as end at once. */
const AT_ONCE = 500

test('no message goes out when it is too late, however many there are before it', async () => {
  await using folder = await dataFolder()
  await using d = await desk({ url: `sqlite:${join(folder.path, 'readback.db')}`, async [Symbol.asyncDispose]() {} })
  const { store, credentials } = d
  const write = (at: number) => store.sendMessage({ credentials, fromNumber: LINE, number: contactOf(0), ...WORDS, at })
  await Promise.all(Array.from({ length: AT_ONCE + 1 }, () => write(1)))
  const at = 2 + LIFETIME_MS
  const young = await write(at)
  assert.equal((await d.claimMessage(at)).call, null)
  assert.equal((await d.claimMessage(at)).call?.id, young.message.id)
})
