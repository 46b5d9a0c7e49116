'use strict'

const { join } = require('node:path')
const { pathToFileURL } = require('node:url')
const { BUNDLES, DASHBOARD, build } = require('./builds.cjs')
const { run, stopCode } = require('./child.cjs')
const { SetupError, install } = require('./install.cjs')
const { findNode } = require('./node.cjs')

const ROOT = join(__dirname, '..')
const TESTS = ['src/**/*.test.ts', 'test/**/*.test.ts']
// A test that waits for what never comes must not hold up all that come after it.
const PATIENCE = '--test-timeout=120000'
// Tests wait more than they work: three files at once took 237 s on two cores where two took 270 s. With four they are as idle.
const SIDE_BY_SIDE = '--test-concurrency=3'
const CHAOS = [
  ...['test/nodes-killed.test.ts', 'test/nodes.test.ts', 'test/nodes-lines.test.ts', 'test/fairness.test.ts'],
  'test/engines-alike.test.ts',
]
const AT_LENGTH = { CHAOS_ROUNDS: '20', CHAOS_TOGGLES: '2000', CHAOS_WAITING: '1000000', CHAOS_CALLS: '5000' }
const CHECKS = {
  types: ['node_modules/typescript/bin/tsc', '-p', '.'],
  'types of the dashboard': ['node_modules/typescript/bin/tsc', '-p', 'src/dashboard'],
  lint: ['node_modules/@biomejs/biome/bin/biome', 'check'],
  'dead code': ['node_modules/knip/bin/knip.js'],
  architecture: ['--test', '--test-reporter=spec', 'test/architecture.test.ts'],
}

const { NODE_COMPILE_CACHE, NODE_OPTIONS = '', READBACK_DEMO } = process.env
const QUICK = {
  // From the second start on no thread has to load the compiler: 40 MB less memory, and a start in half the time.
  NODE_COMPILE_CACHE: NODE_COMPILE_CACHE ?? join(ROOT, 'node_modules', '.cache', 'compiled'),
  NODE_OPTIONS: `${NODE_OPTIONS} --import=${pathToFileURL(join(__dirname, 'bundled.mjs'))}`.trim(),
}

const COMMANDS = {
  // `READBACK_DEMO=` means, as of any setting, that it is not set.
  start: (node, args) => node(['src/main.ts', ...args], { ...QUICK, READBACK_DEMO: READBACK_DEMO || '1' }),
  test: (node, args) =>
    node(
      ['--test', '--test-reporter=spec', PATIENCE, SIDE_BY_SIDE, ...args, ...(args.some(isFile) ? [] : TESTS)],
      QUICK,
    ),
  // The same as in the tests, many times over: what goes wrong once in a while shows.
  chaos: (node, args) => node(['--test', '--test-reporter=spec', ...CHAOS, ...args], { ...QUICK, ...AT_LENGTH }),
  'migrate-store': (node, args) => node(['src/migrate-store.ts', ...args], QUICK),
  openapi: (node) => node(['test/support/write-open-api.ts']),
  bench: (node, args) => node(['bench/main.ts', ...args], QUICK),
  screenshots: (node) => node(['test/support/screenshots.ts'], QUICK),
  check,
}

/** Those that load the packages as they are. */
const PLAINLY = ['check', 'openapi']
/** Those that serve it, or look at it. */
const WITH_DASHBOARD = ['start', 'test', 'screenshots']

function isFile(argument) {
  return !argument.startsWith('-')
}

async function check(node) {
  const failed = []
  for (const [name, command] of Object.entries(CHECKS)) {
    const start = performance.now()
    const code = await node(command)
    if (stopCode() !== undefined) return stopCode()
    if (code !== 0) failed.push(name)
    console.log(
      `check: ${name} ${code === 0 ? 'passed' : 'FAILED'} in ${((performance.now() - start) / 1000).toFixed(1)} s`,
    )
  }
  if (failed.length > 0) console.log(`check: failed: ${failed.join(', ')}`)
  return failed.length === 0 ? 0 : 1
}

async function main([name, ...args]) {
  const command = COMMANDS[name]
  if (command === undefined) throw new SetupError(`usage: npm run ${Object.keys(COMMANDS).join(' | ')} [-- arguments]`)
  const { file, env } = await findNode()
  await install(ROOT, 'the packages', env)
  if (!PLAINLY.includes(name)) await build(ROOT, BUNDLES, file, env)
  if (WITH_DASHBOARD.includes(name)) await build(ROOT, DASHBOARD, file, env)
  const node = (argv, extra) => run(file, argv, { cwd: ROOT, env: { ...env, ...extra }, stdio: 'inherit' })
  return command(node, args)
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    // What the system refuses, such as to write into a checkout that is not this user's, names the path and is no defect.
    const expected = error instanceof SetupError || error.syscall !== undefined
    console.error(`setup: ${expected ? error.message : error.stack}`)
    process.exit(1)
  },
)
