import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const PROGRAM = join(import.meta.dirname, '../bench/main.ts')

/** What is given, and what is said of it in one line behind the usage. */
const WRONG: readonly (readonly [string[], RegExp])[] = [
  [['accept', '--nonsense'], /Unknown option '--nonsense'/],
  [['accept', '--rounds', '-3'], /'--rounds' argument is ambiguous/],
  [['accept', '--rounds', '0'], /--rounds must be a whole number from 1/],
  [['accept', '--store', 'mysql'], /--store must be sqlite or postgres/],
  [['growth', '--sizes', '1000,many'], /--sizes must be a whole number from 1/],
  [['lanes', '--dir', '/there/is/none'], /--dir: there is no folder \/there\/is\/none/],
]

for (const [args, said] of WRONG) {
  test(`bench ${args.join(' ')} is answered with the usage and one line`, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' })
    const [usage = '', line = ''] = stderr.split('\nbench: ')
    assert.deepEqual([status, stdout], [2, ''])
    assert.match(usage, /^usage: npm run bench /)
    assert.match(line, said)
    assert.match(line, /^[^\n]+\n$/)
  })
}
