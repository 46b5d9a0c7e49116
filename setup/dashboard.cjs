'use strict'

const { createHash } = require('node:crypto')
const { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { runQuietly, stopCode } = require('./child.cjs')
const { SetupError } = require('./install.cjs')
const { locked } = require('./lock.cjs')

const SOURCES = join('src', 'dashboard')
const STAMP = join('dist', 'dashboard', '.built-from')

/** Builds what a browser loads, but only where its sources, or the packages they are built with, are not those of last time. */
async function buildDashboard(root, node, env) {
  const sources = hashOf(root)
  if (isBuilt(root, sources)) return
  await locked(async () => {
    if (isBuilt(root, sources)) return
    console.log('setup: building the dashboard')
    rmSync(join(root, STAMP), { force: true })
    const vite = ['node_modules/vite/bin/vite.js', 'build', '--config', join(SOURCES, 'vite.config.ts')]
    const { code, output } = await runQuietly(node, vite, { cwd: root, env })
    if (stopCode() !== undefined) process.exit(stopCode())
    if (code !== 0) {
      process.stderr.write(output)
      throw new SetupError('the dashboard could not be built; what Vite says about it stands above')
    }
    writeFileSync(join(root, STAMP), sources)
  })
}

function isBuilt(root, sources) {
  const stamp = join(root, STAMP)
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === sources
}

function hashOf(root) {
  const files = readdirSync(join(root, SOURCES), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const hash = createHash('sha256')
  for (const file of [...files, join(root, 'package-lock.json')]) hash.update(file).update(readFileSync(file))
  return hash.digest('hex')
}

module.exports = { buildDashboard }
