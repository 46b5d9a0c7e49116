'use strict'

const { createHash } = require('node:crypto')
const { existsSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { runQuietly, stop, stopCode } = require('./child.cjs')
const { locked } = require('./lock.cjs')

const NPM_CI = [
  // Why it has passed over an optional package npm says at this level, and at no higher one.
  ...['ci', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=http'],
  // Neither NODE_ENV nor an npmrc may leave out what a later command needs.
  ...['--include=dev', '--include=optional'],
  // Without a network the answer comes in 11 seconds, not in 70.
  '--fetch-retry-mintimeout=1000',
  // Who takes connections and says nothing has five minutes otherwise.
  '--fetch-timeout=30000',
]
const NO_ERROR = /^npm (http|notice|warn) .*\n/gm
const OFFLINE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED/

const ANSWERED = /^npm http (fetch \w+ \d{3}|cache) /m
const FAILED = new RegExp(`attempt \\d failed with (${OFFLINE.source}|EIDLETIMEOUT|FETCH_ERROR)`, 'g')
/** Of one package. */
const MOST_ATTEMPTS = 3
const PATIENCE_MS = 20_000

/** What a person can do something about: told in one line, without a stack. */
class SetupError extends Error {}

/** Runs `npm ci` in a folder, but only where its lockfile is not the one that was installed last. */
async function install(folder, what, env, verify) {
  // What has to be verified is not there because npm says so.
  const isThere = () => isInstalled(folder) || (verify === undefined && isWhole(folder))
  if (isThere()) return
  await locked(async () => {
    if (isThere()) return
    console.log(`setup: installing ${what}`)
    for (const record of [stampOf(folder), recordOf(folder)]) rmSync(record, { force: true })
    const output = await npmCi(folder, what, env)
    verify?.(output)
    writeFileSync(stampOf(folder), hashOf(folder))
  })
}

async function npmCi(folder, what, env) {
  const windows = process.platform === 'win32'
  const silence = watchSilence()
  const npm = runQuietly('npm', NPM_CI, { cwd: folder, env, shell: windows }, silence.heard)
  const { code, output } = await npm.finally(silence.end).catch((error) => {
    if (error.code === 'ENOENT') throw new SetupError('npm was not found; it comes with Node.js (https://nodejs.org)')
    throw error
  })
  if (stopCode() !== undefined) process.exit(stopCode())
  if (code === 0) return output
  const errors = output.replace(NO_ERROR, '')
  process.stderr.write(errors)
  throw new SetupError(
    OFFLINE.test(errors) || isOffline(output)
      ? `${what} could not be downloaded: is there a network?`
      : `${what} could not be installed; what npm says about it stands above`,
  )
}

/**
 * Says what is waited for where nothing comes, and ends npm once that is for want of a network: where a name is looked up for 10 s in
 * vain, npm looks it up three times for each of hundreds of packages before it says so.
 */
function watchSilence() {
  let output = ''
  let isLong = false
  const timer = setTimeout(() => {
    isLong = true
    if (isOffline(output)) stop()
    else if (!ANSWERED.test(output)) console.log("setup: npm's registry has not answered yet: is there a network?")
  }, PATIENCE_MS)
  const heard = (text) => {
    output = text
    if (isLong && isOffline(output)) stop()
  }
  return { heard, end: () => clearTimeout(timer) }
}

function isOffline(output) {
  return !ANSWERED.test(output) && (output.match(FAILED) ?? []).length > MOST_ATTEMPTS
}

function isInstalled(folder) {
  return existsSync(stampOf(folder)) && readFileSync(stampOf(folder), 'utf8') === hashOf(folder)
}

/** As after `npm install`, which leaves no stamp of ours: npm's own record has all that the lockfile has for this machine. */
function isWhole(folder) {
  if (!existsSync(recordOf(folder))) return false
  const there = packagesOf(recordOf(folder))
  const { '': _, ...wanted } = packagesOf(join(folder, 'package-lock.json'))
  return Object.entries(wanted).every(
    ([path, entry]) =>
      (path in there && there[path].version === entry.version) || (entry.optional && !isForHere(entry)),
  )
}

/** Optional packages that name no system are there for others that do. */
function isForHere({ os, cpu, libc }) {
  if (!os?.includes(process.platform) || !cpu?.includes(process.arch)) return false
  return libc === undefined || libc.includes(findLibc())
}

function findLibc() {
  // Without this a report looks up the name of every peer.
  process.report.excludeNetwork = true
  return process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
}

function packagesOf(lockfile) {
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages
}

function recordOf(folder) {
  return join(folder, 'node_modules', '.package-lock.json')
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
