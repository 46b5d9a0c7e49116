import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { access, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { dataFolder } from './support/data-folder.ts'
import { startProcess } from './support/process.ts'
import { requires } from './support/requires.ts'

const ROOT = join(import.meta.dirname, '..')

async function copySetup(folder: string): Promise<void> {
  const filter = (path: string) => !path.includes('node_modules')
  await cp(join(ROOT, 'setup'), join(folder, 'setup'), { recursive: true, filter })
}

/** One that is needed, and one for development. */
async function writePackages(folder: string): Promise<void> {
  for (const name of ['left', 'wanted']) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'package.json'), JSON.stringify({ name, version: '1.0.0' }))
  }
  const manifest = { dependencies: { wanted: 'file:wanted' }, devDependencies: { left: 'file:left' } }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
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

const HURRIED = 'const { setTimeout: at } = globalThis; globalThis.setTimeout = (done, ms) => at(done, ms / 1_000)'

test('the setup says what it waits for where nothing answers, and does not wait for each of the packages', async () => {
  await using folder = await dataFolder()
  await copySetup(folder.path)
  for (const name of ['package.json', 'package-lock.json']) await cp(join(ROOT, name), join(folder.path, name))
  await writeFile(join(folder.path, 'hurried.cjs'), HURRIED)
  const { npm_config_registry } = NO_NETWORK
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--require', './hurried.cjs', 'setup/run.cjs', 'start'],
    {
      cwd: folder.path,
      encoding: 'utf8',
      env: { ...process.env, npm_config_registry, npm_config_cache: join(folder.path, 'cache') },
    },
  )
  const told = "setup: npm's registry has not answered yet: is there a network?"
  assert.deepEqual([status, stdout], [1, `setup: installing the packages\n${told}\n`])
  assert.equal(stderr, 'setup: the packages could not be downloaded: is there a network?\n')
})

test('the setup installs nothing again that npm install has installed, and all of it where some was left out', async () => {
  await using folder = await dataFolder()
  await copySetup(folder.path)
  await writePackages(folder.path)
  const env = { ...process.env, ...NO_NETWORK, npm_config_cache: join(folder.path, 'cache'), NODE_ENV: 'production' }
  const run = (program: string, ...args: string[]) =>
    spawnSync(program, args, { cwd: folder.path, encoding: 'utf8', env })
  const setup = () => run(process.execPath, 'setup/run.cjs', 'openapi').stdout
  assert.equal(run('npm', 'install', '--include=dev').status, 0)
  assert.equal(setup(), '')
  assert.equal(run('npm', 'install', '--omit=dev').status, 0)
  assert.equal(setup(), 'setup: installing the packages\n')
  assert.equal(setup(), '')
  await access(join(folder.path, 'node_modules', 'left'))
  // As npm left it with what the lockfile wanted before.
  await rm(join(folder.path, 'node_modules', '.installed-lockfile'))
  const lockfile = join(folder.path, 'package-lock.json')
  const wanted = (await readFile(lockfile, 'utf8')).replaceAll('"version": "1.0.0"', '"version": "2.0.0"')
  await writeFile(lockfile, wanted)
  assert.equal(setup(), 'setup: installing the packages\n')
})

test('the setup waits for who is installing, and for nobody who is gone or had its own number', async () => {
  await using folder = await dataFolder()
  await copySetup(folder.path)
  await writePackages(folder.path)
  const lock = join(folder.path, 'setup', '.lock')
  const env = { ...process.env, ...NO_NETWORK, npm_config_cache: join(folder.path, 'cache') }
  assert.equal(spawnSync('npm', ['install'], { cwd: folder.path, env }).status, 0)
  const setup = async (owner: number, ...options: string[]) => {
    await rm(join(folder.path, 'node_modules'), { recursive: true })
    await mkdir(lock)
    await writeFile(join(lock, String(owner)), '')
    const child = spawn(process.execPath, [...options, 'setup/run.cjs', 'openapi'], { cwd: folder.path, env })
    let output = ''
    for await (const piece of child.stdout) {
      output += piece
      // The folder may be another's by then.
      if (output.includes('waiting')) await rm(join(lock, String(owner)), { force: true })
    }
    return output
  }
  const installing = 'setup: installing the packages\n'
  const told = `setup: waiting for process ${process.pid}, which is installing\n`
  assert.equal(await setup(process.pid), `${told}${installing}`)
  const { pid: gone } = spawnSync(process.execPath, ['--version'])
  assert.equal(await setup(gone), installing)
  await writeFile(join(folder.path, 'same.cjs'), `Object.defineProperty(process, 'pid', { value: ${process.pid} })`)
  assert.equal(await setup(process.pid, '--require', './same.cjs'), installing)
})

test('the setup installs once where two of it wait for the same install', async () => {
  await using folder = await dataFolder()
  await copySetup(folder.path)
  await writePackages(folder.path)
  const held = join(folder.path, 'setup', '.lock', String(process.pid))
  const env = { ...process.env, ...NO_NETWORK, npm_config_cache: join(folder.path, 'cache') }
  assert.equal(spawnSync('npm', ['install', '--package-lock-only'], { cwd: folder.path, env }).status, 0)
  await mkdir(dirname(held))
  await writeFile(held, '')
  let waiting = 0
  const setup = async () => {
    const child = spawn(process.execPath, ['setup/run.cjs', 'openapi'], { cwd: folder.path, env })
    let output = ''
    for await (const piece of child.stdout) {
      output += piece
      if (!String(piece).includes(`process ${process.pid},`)) continue
      waiting += 1
      if (waiting === 2) await rm(held)
    }
    return output
  }
  const outputs = await Promise.all([setup(), setup()])
  assert.equal(outputs.join('').match(/installing the packages/g)?.length, 1)
})

test('the setup finds Chromium by the names that Debian has for it, and by that of Fedora', async () => {
  await using folder = await dataFolder()
  const missing = () =>
    spawnSync(process.execPath, [join(ROOT, 'setup', 'system.cjs')], {
      encoding: 'utf8',
      env: { PATH: folder.path },
    }).stdout
  assert.match(missing(), /^ {2}chromium-headless-shell {2}/m)
  for (const name of ['chromium-headless-shell', 'chromium', 'chromium-browser']) {
    const file = join(folder.path, name)
    await writeFile(file, '#!/bin/sh\n', { mode: 0o755 })
    assert.doesNotMatch(missing(), /^ {2}chromium-headless-shell {2}/m, name)
    await rm(file)
  }
})

test('npm start is the demo, also where an env file leaves that open', async () => {
  await using folder = await dataFolder()
  const env = { ...process.env, PORT: '0', READBACK_DATA_DIR: folder.path, READBACK_DEMO: '' }
  const child = spawn(process.execPath, [join(ROOT, 'setup', 'run.cjs'), 'start'], { env })
  let output = ''
  for await (const piece of child.stdout) {
    output += piece
    if (output.includes('Readback serves')) child.kill('SIGTERM')
  }
  assert.match(output, /Their phone now shows the message as "Delivered"/)
})

const TELL_WHAT_IS_LOADED = `
  import { registerHooks } from 'node:module'
  registerHooks({ load(url, context, next) {
    const [file] = /(node_modules|dist\\/bundles)\\/(kysely|zod)\\b.*/.exec(url) ?? []
    if (file !== undefined) process._rawDebug('loaded ' + file)
    return next(url, context)
  } })`

test('each thread of a server loads Kysely as one file, and zod where it is needed', {
  skip: requires('the bundles', existsSync(join(ROOT, 'dist', 'bundles', 'zod.js')), 'npm test'),
}, async () => {
  await using folder = await dataFolder()
  const telling = join(folder.path, 'telling.mjs')
  await writeFile(telling, TELL_WHAT_IS_LOADED)
  const imports = [join(ROOT, 'setup', 'bundled.mjs'), telling].map((file) => `--import=${pathToFileURL(file)}`)
  await using server = await startProcess({ dataDir: folder.path, env: { NODE_OPTIONS: imports.join(' ') } })
  await server.operator.must(200, 'GET', '/operator/accounts')
  const loaded = server.output().match(/(?<=^loaded ).*/gm) ?? []
  assert.deepEqual(
    loaded.filter((file) => file.startsWith('node_modules')),
    [],
  )
  const times = (file: string) => loaded.filter((each) => each === file).length
  assert.deepEqual([times('dist/bundles/kysely.js'), times('dist/bundles/zod.js')], [3, 1])
})
