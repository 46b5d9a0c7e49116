import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  cycles,
  environmentReaders,
  longFiles,
  readTree,
  strayArrows,
  type Tree,
  vagueNames,
} from './support/architecture.ts'

const src = readTree(join(import.meta.dirname, '..'), 'src')

describe('src', () => {
  test('is not empty, so the rules below have something to hold', () => {
    assert.ok(src.has('src/core/store.ts'))
  })

  test('has arrows that go one way', () => {
    assert.deepEqual(strayArrows(src), [])
  })

  test('has no import cycle', () => {
    assert.deepEqual(cycles(src), [])
  })

  test('reads the environment in config.ts alone', () => {
    assert.deepEqual(environmentReaders(src), [])
  })

  test('has no file too long to read in one go', () => {
    assert.deepEqual(longFiles(src), [])
  })

  test('has no name that says nothing', () => {
    assert.deepEqual(vagueNames(src), [])
  })
})

describe('the checker', () => {
  test('finds a folder that reaches for its neighbour, in whatever way', () => {
    const reaching = [
      "import { open } from '../store/open.ts'",
      "import type { Seal } from '../store/seal.ts'",
      "import fastify, {\n  type Seal,\n} from '../store/seal.ts'",
      "export * from '../store/open.ts'",
      "import '../store/open.ts'",
      "  const store = await import('../store/open.ts')",
      "  const thread = new Worker(new URL('../store/worker.ts', import.meta.url))",
      "import { config } from '../config.ts'",
      "import manifest from '../../package.json' with { type: 'json' }",
    ]
    for (const source of reaching) assert.equal(strayArrows(tree({ 'src/http/app.ts': source })).length, 1, source)
  })

  test('finds a core that knows a package, a built-in or another folder', () => {
    const core = tree({
      'src/core/id.ts': "import { z } from 'zod'\nimport { randomBytes } from 'node:crypto'\n",
      'src/core/store.ts': "import type { Tables } from '../store/tables.ts'",
    })
    assert.deepEqual(strayArrows(core), [
      'src/core/id.ts imports zod',
      'src/core/id.ts imports node:crypto',
      'src/core/store.ts imports src/store/tables.ts',
    ])
  })

  test('finds a dashboard that reaches into the server', () => {
    const page = tree({ 'src/dashboard/views/lines.tsx': "import { REASONS } from '../../core/reason.ts'" })
    assert.deepEqual(strayArrows(page), ['src/dashboard/views/lines.tsx imports src/core/reason.ts'])
  })

  test('finds whoever imports main.ts', () => {
    const config = tree({ 'src/config.ts': "import { start } from './main.ts'" })
    assert.deepEqual(strayArrows(config), ['src/config.ts imports src/main.ts'])
  })

  test('lets a folder know itself, core and packages, and lets the root and the tests know all', () => {
    const allowed = tree({
      'src/main.ts': "import { app } from './http/app.ts'\nimport { config } from './config.ts'\n",
      'src/http/doors/inbound.ts': "import { z } from 'zod'\nimport { app } from '../app.ts'\n",
      'src/http/app.ts': "import { Store } from '../core/store.ts'\nimport { createServer } from 'node:http'\n",
      'src/http/app.test.ts': "import { open } from '../store/open.ts'",
      'src/core/connector.contract.ts': "import { test } from 'node:test'",
    })
    assert.deepEqual(strayArrows(allowed), [])
  })

  test('finds an import cycle and names its way round', () => {
    const round = tree({
      'src/core/a.ts': "import { b } from './b.ts'",
      'src/core/b.ts': "export { c } from './c.ts'",
      'src/core/c.ts': "import { b } from './b.ts'",
    })
    assert.deepEqual(cycles(round), ['src/core/b.ts → src/core/c.ts → src/core/b.ts'])
  })

  test('takes no cycle of types for one', () => {
    const types = tree({
      'src/core/a.ts': "import { b } from './b.ts'",
      'src/core/b.ts': "import type { A } from './a.ts'",
    })
    assert.deepEqual(cycles(types), [])
  })

  test('finds a second reader of the environment', () => {
    const readers = {
      'src/config.ts': 'const { PORT } = process.env',
      'src/main.ts': 'const port = process.env.PORT',
      'src/http/app.ts': 'const { env } = process',
      'src/store/open.ts': "import { argv, env } from 'node:process'",
      'src/core/id.ts': "process['env']",
    }
    const [, ...strays] = Object.keys(readers)
    assert.deepEqual(environmentReaders(tree(readers)), strays)
  })

  test('finds a file of 301 lines and leaves one of 300', () => {
    const files = tree({
      'src/core/a.ts': '\n'.repeat(299).concat('a\n'),
      'src/core/b.ts': '\n'.repeat(300).concat('b\n'),
    })
    assert.deepEqual(longFiles(files), ['src/core/b.ts'])
  })

  test('finds a vague name of a file, of a folder, and within a name', () => {
    const names = ['src/core/utils.ts', 'src/common/id.ts', 'src/store/line-manager.ts', 'src/http/gateway.test.ts']
    const files = Object.fromEntries([...names, 'src/core/commonplace.ts'].map((name) => [name, '']))
    assert.deepEqual(vagueNames(tree(files)), names)
  })
})

function tree(files: Record<string, string>): Tree {
  return new Map(Object.entries(files))
}
