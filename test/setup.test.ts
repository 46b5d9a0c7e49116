import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { dataFolder } from './support/data-folder.ts'

const ROOT = join(import.meta.dirname, '..')

test('the setup says in one line what the system refuses it', async () => {
  await using folder = await dataFolder()
  const filter = (path: string) => !path.includes('node_modules')
  await cp(join(ROOT, 'setup'), join(folder.path, 'setup'), { recursive: true, filter })
  await writeFile(join(folder.path, 'setup', '.lock'), 'no folder')
  const { status, stdout, stderr } = spawnSync(process.execPath, ['setup/run.cjs', 'start'], {
    cwd: folder.path,
    encoding: 'utf8',
  })
  assert.deepEqual([status, stdout], [1, ''])
  assert.match(stderr, /^setup: ENOTDIR: [^\n]+\.lock'\n$/)
})
