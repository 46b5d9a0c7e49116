'use strict'

const { createHash } = require('node:crypto')
const { existsSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { runQuietly, stopCode } = require('./child.cjs')
const { locked } = require('./lock.cjs')

const NPM_CI = [
  // Why it has passed over an optional package npm says at this level, and at no higher one.
  ...['ci', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=http'],
  // Neither NODE_ENV nor an npmrc may leave out what a later command needs.
  ...['--include=dev', '--include=optional'],
  // Without a network the answer comes in 11 seconds, not in 70.
  '--fetch-retry-mintimeout=1000',
]
const NO_ERROR = /^npm (http|notice|warn) .*\n/gm
const OFFLINE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED/

/** What a person can do something about: told in one line, without a stack. */
class SetupError extends Error {}

/** Runs `npm ci` in a folder, but only where its lockfile is not the one that was installed last. */
async function install(folder, what, env, verify = () => {}) {
  if (isInstalled(folder)) return
  await locked(async () => {
    if (isInstalled(folder)) return
    console.log(`setup: installing ${what}`)
    rmSync(stampOf(folder), { force: true })
    verify(await npmCi(folder, what, env))
    writeFileSync(stampOf(folder), hashOf(folder))
  })
}

async function npmCi(folder, what, env) {
  const windows = process.platform === 'win32'
  const { code, output } = await runQuietly('npm', NPM_CI, { cwd: folder, env, shell: windows }).catch((error) => {
    if (error.code === 'ENOENT') throw new SetupError('npm was not found; it comes with Node.js (https://nodejs.org)')
    throw error
  })
  if (stopCode() !== undefined) process.exit(stopCode())
  if (code === 0) return output
  const errors = output.replace(NO_ERROR, '')
  process.stderr.write(errors)
  throw new SetupError(
    OFFLINE.test(errors)
      ? `${what} could not be downloaded: is there a network?`
      : `${what} could not be installed; what npm says about it stands above`,
  )
}

function isInstalled(folder) {
  return existsSync(stampOf(folder)) && readFileSync(stampOf(folder), 'utf8') === hashOf(folder)
}

function stampOf(folder) {
  return join(folder, 'node_modules', '.installed-lockfile')
}

function hashOf(folder) {
  return createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex')
}

module.exports = { OFFLINE, SetupError, install }
