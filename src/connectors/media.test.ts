import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchMedia, type MediaCaller } from './media.ts'

type Got = Awaited<ReturnType<MediaCaller['download']>>

const there = (status: number, type: string, bytes = Buffer.from('a picture')): Got => {
  return { kind: 'file', status, type, bytes }
}
const fetched = (url: string, got: Got) => fetchMedia({ download: async () => got }, url)

for (const [path, given, name, type] of [
  ['cat', 'image/png; charset=binary', 'cat.png', 'image/png'],
  ['a/cat.jpeg?of=dog.gif', 'image/png', 'cat.jpeg', 'image/png'],
  ['the%20"cat".png', 'image/png', 'the2022cat22.png', 'image/png'],
  ['', '', 'attachment.bin', 'application/octet-stream'],
  ['drawing', 'image/svg+xml', 'drawing.bin', 'image/svg+xml'],
  [`${'x'.repeat(200)}.png`, 'image/png', `${'x'.repeat(96)}.png`, 'image/png'],
] as const) {
  test(`${given || 'nothing'} at /${path.slice(0, 30)} is a file called ${name.slice(-30)}`, async () => {
    const file = await fetched(`https://files.example.com/${path}`, there(200, given))
    assert.deepEqual(file, { kind: 'media', bytes: Buffer.from('a picture'), type, name })
  })
}

test('an empty file, an error and a redirect are no file, and no answer is none', async () => {
  const late = { kind: 'unavailable', reason: 'timeout', mayHaveArrived: true } as const
  const empty = there(200, 'image/png', Buffer.alloc(0))
  for (const got of [empty, there(404, 'text/html'), there(302, 'text/html'), there(206, 'image/png'), late]) {
    const outcome = await fetched('https://files.example.com/cat.png', got)
    assert.ok(outcome.kind === 'rejected' && outcome.reason === 'media_not_fetched')
  }
})
