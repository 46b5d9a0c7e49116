import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { appendFile, cp, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'

const ROOT = join(import.meta.dirname, '..')

test('a server that runs goes on with the dashboard that it began with while another is built, and few are kept', async () => {
  await using copy = await dataFolder()
  const within = (...path: string[]) => join(copy.path, ...path)
  for (const name of ['src', 'package.json', 'tsconfig.json'])
    await cp(join(ROOT, name), within(name), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), within('node_modules'))
  const build = async () => {
    const config = within('src', 'dashboard', 'vite.config.ts')
    await promisify(execFile)(process.execPath, [
      join(ROOT, 'node_modules/vite/bin/vite.js'),
      'build',
      '--config',
      config,
    ])
    return readFile(within('dist', 'dashboard', 'index.html'), 'utf8')
  }
  const first = await build()
  await using server = await startProcess({ dataDir: within('data'), main: within('src', 'main.ts') })
  await appendFile(within('src', 'dashboard', 'styles', 'base.css'), '.another { color: red }\n')
  await appendFile(within('src', 'dashboard', 'main.tsx'), "document.title = 'Another'\n")
  const assets = within('dist', 'dashboard', 'assets')
  for (let n = 0; n < 100; n++) {
    await writeFile(join(assets, `of-last-year-${n}.js`), '')
    await utimes(join(assets, `of-last-year-${n}.js`), 1, 1)
  }
  const second = await build()
  assert.equal(namesIn(first).intersection(namesIn(second)).size, 0)
  const html = await (await fetch(server.base)).text()
  assert.deepEqual(namesIn(html), namesIn(first))
  for (const name of namesIn(html)) {
    for (const encoding of ['gzip', 'identity']) {
      const answer = await fetch(`${server.base}${name}`, { headers: { 'accept-encoding': encoding } })
      assert.deepEqual([answer.status, answer.headers.get('content-encoding') ?? 'identity'], [200, encoding])
      assert.ok((await answer.text()).length > 100_000)
    }
  }
  const left = await readdir(assets)
  assert.ok(left.length < 50, left.join(' '))
})

function namesIn(html: string): Set<string> {
  return new Set(html.match(/\/assets\/[^"]+/g))
}
