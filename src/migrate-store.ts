import { isStoreUrl } from './config.ts'
import { messageOf } from './core/errors.ts'
import { moveStore, type Progress } from './store/move.ts'

const USAGE = 'usage: npm run migrate-store -- sqlite:<path> postgres://<user>:<password>@<host>/<database>'
const WIDTH = 30

/** Moves a store, and shows how far it is. It can be interrupted, and goes on where it was. */
async function run([from = '', to = '', ...more]: readonly string[]): Promise<void> {
  const path = /^sqlite:(.+)$/.exec(from)?.[1]
  if (path === undefined || !/^postgres(ql)?:\/\/./.test(to) || more.length > 0) throw new Error(USAGE)
  if (!isStoreUrl(to))
    throw new Error('The second URL is none: in its password, / ? # and the like are percent-encoded')
  const rows = await moveStore({ path, url: to, onProgress: show })
  process.stderr.write(`\n${rows.toLocaleString('en')} rows arrived, and were checked by counts and sums\n`)
}

function show({ table, done, total }: Progress): void {
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const bar = '#'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '.')
  const line = `[${bar}] ${table} ${done.toLocaleString('en')} of ${total.toLocaleString('en')}`
  // A log gets a line for each table that is through; a terminal is drawn over.
  if (process.stderr.isTTY) process.stderr.write(`\r${line.padEnd(80)}`)
  else if (share === 1) process.stderr.write(`${line}\n`)
}

run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`migrate-store: ${messageOf(error)}\n`)
  process.exit(1)
})
