'use strict'

const { createHash } = require('node:crypto')
const { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { runQuietly, stopCode } = require('./child.cjs')
const { SetupError } = require('./install.cjs')
const { locked } = require('./lock.cjs')

const VITE = 'node_modules/vite/bin/vite.js'

/** What Vite makes: of which files and folders, told by which configuration, and where. */
const DASHBOARD = {
  what: 'the dashboard',
  sources: ['src/dashboard'],
  config: 'src/dashboard/vite.config.ts',
  folder: 'dist/dashboard',
}
/** Packages of many files as one each, see `bundled.mjs`. */
const BUNDLES = {
  what: 'the packages that each thread loads',
  sources: ['setup/bundles.json', 'setup/bundles.config.mjs'],
  config: 'setup/bundles.config.mjs',
  folder: 'dist/bundles',
}

/** Only where the sources, or the packages they are built with, are not those of last time. */
async function build(root, { what, sources, config, folder }, node, env) {
  const stamp = join(root, folder, '.built-from')
  const files = hashOf(root, sources)
  const isBuilt = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === files
  if (isBuilt()) return
  await locked(async () => {
    if (isBuilt()) return
    console.log(`setup: building ${what}`)
    rmSync(stamp, { force: true })
    const { code, output } = await runQuietly(node, [VITE, 'build', '--config', config], { cwd: root, env })
    if (stopCode() !== undefined) process.exit(stopCode())
    if (code !== 0) {
      process.stderr.write(output)
      throw new SetupError(`${what} could not be built; what Vite says about it stands above`)
    }
    writeFileSync(stamp, files)
  })
}

function hashOf(root, sources) {
  const files = sources.flatMap((source) => filesIn(join(root, source))).sort()
  const hash = createHash('sha256')
  for (const file of [...files, join(root, 'package-lock.json')]) hash.update(file).update(readFileSync(file))
  return hash.digest('hex')
}

function filesIn(source) {
  if (!statSync(source).isDirectory()) return [source]
  const entries = readdirSync(source, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

module.exports = { BUNDLES, DASHBOARD, build }
