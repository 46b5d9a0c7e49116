import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { dataFolder } from './support/data-folder.ts'

const ROOT = join(import.meta.dirname, '..')

async function copySetup(folder: string): Promise<void> {
  const filter = (path: string) => !path.includes('node_modules')
  await cp(join(ROOT, 'setup'), join(folder, 'setup'), { recursive: true, filter })
}

test('the setup says in one line what the system refuses it', async () => {
  await using folder = await dataFolder()
  await copySetup(folder.path)
  await writeFile(join(folder.path, 'setup', '.lock'), 'no folder')
  const { status, stdout, stderr } = spawnSync(process.execPath, ['setup/run.cjs', 'start'], {
    cwd: folder.path,
    encoding: 'utf8',
  })
  assert.deepEqual([status, stdout], [1, ''])
  assert.match(stderr, /^setup: ENOTDIR: [^\n]+\.lock'\n$/)
})

const NO_NETWORK = { npm_config_registry: 'http://127.0.0.1:9', npm_config_fetch_retries: '0' }
const OLD_NODE = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`

test('the setup says in one line why it has no Node, and what to do', {
  skip: process.platform !== 'linux',
}, async () => {
  await using folder = await dataFolder()
  await copySetup(folder.path)
  await writeFile(join(folder.path, 'old-node.cjs'), OLD_NODE)
  const { status, stderr } = spawnSync(process.execPath, ['--require', './old-node.cjs', 'setup/run.cjs', 'start'], {
    cwd: folder.path,
    encoding: 'utf8',
    env: { ...process.env, ...NO_NETWORK, npm_config_cache: join(folder.path, 'cache') },
  })
  assert.equal(status, 1)
  assert.match(
    stderr,
    /^setup: Readback needs Node\.js 24 [^\n]+ could not be downloaded \(ECONNREFUSED\): is there a network\? [^\n]+nodejs\.org\n$/,
  )
})
