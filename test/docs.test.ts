import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import description from '../openapi.json' with { type: 'json' }
import manifest from '../package.json' with { type: 'json' }
import { readConfig, SETTING_NAMES } from '../src/config.ts'
import { REASONS } from '../src/core/reason.ts'

const read = (path: string) => readFileSync(join(import.meta.dirname, '..', path), 'utf8')
const example = Object.fromEntries(
  [...read('config.example.env').matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name ?? '', value ?? '']),
)

test('config.example.env has every setting, and no other', () => {
  assert.deepEqual(Object.keys(example).sort(), [...SETTING_NAMES].sort())
})

test('config.example.env shows the defaults', () => {
  assert.deepEqual(readConfig(example), readConfig({}))
})

test('config.example.env opens nothing of a server that others can reach', () => {
  for (const reached of [{ HOST: '0.0.0.0' }, { READBACK_PUBLIC_URL: 'https://readback.example.com' }]) {
    const { webhookAllow } = readConfig({
      ...example,
      ...reached,
      READBACK_OPERATOR_TOKEN: 'a token of the operator',
    })
    assert.deepEqual(webhookAllow, [])
  }
})

test('docs/reasons.md says of every reason what it means and what to do, in the words of the code', () => {
  const rows = [...read('docs/reasons.md').matchAll(/^\| `(\w+)` \| (.+?) \| (.+?) \|$/gm)]
  const told = Object.fromEntries(rows.map(([, word = '', meaning = '', remedy = '']) => [word, { meaning, remedy }]))
  assert.deepEqual(told, REASONS)
})

test('docs/api.md has every path of openapi.json', () => {
  const nameless = (text: string) => text.replace(/\{\w+\}/g, '{}')
  const page = nameless(read('docs/api.md'))
  const lacking = Object.keys(description.paths).filter((path) => !page.includes(nameless(path)))
  assert.deepEqual(lacking, [])
})

test('README.md names every package that is used, with a reason', () => {
  const readme = read('README.md')
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
    assert.match(
      readme,
      new RegExp(`^\\| [^|]*\`${name.replace(/[/.]/g, '\\$&')}\`[^|]* \\| [^|]{20,} \\|$`, 'm'),
      name,
    )
  }
})
