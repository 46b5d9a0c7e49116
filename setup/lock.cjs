'use strict'

const { mkdtempSync, readdirSync, renameSync, rmSync, rmdirSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')

/** A folder that holds one file, named after the process that owns the lock. */
const LOCK = join(__dirname, '.lock')
const HELD = ['ENOTEMPTY', 'EEXIST', 'EPERM']
const POLL_MS = 200

/** Runs `work` in one process of this checkout at a time. */
async function locked(work) {
  let told = false
  while (!take()) {
    const owner = findOwner()
    if (owner !== undefined && !isAlive(owner)) free(owner)
    else {
      if (owner !== undefined && !told) console.log(`setup: waiting for process ${owner}, which is installing`)
      told ||= owner !== undefined
      await sleep(POLL_MS)
    }
  }
  const release = () => free(process.pid)
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

/** Renamed into place with its owner inside: nobody ever sees a lock that belongs to no one. */
function take() {
  const offer = mkdtempSync(`${LOCK}-`)
  writeFileSync(join(offer, String(process.pid)), '')
  try {
    renameSync(offer, LOCK)
    return true
  } catch (error) {
    rmSync(offer, { recursive: true })
    if (HELD.includes(error.code)) return false
    throw error
  }
}

/** Harmless when late: it takes away that owner's file alone, and only an empty folder. */
function free(owner) {
  rmSync(join(LOCK, String(owner)), { force: true })
  try {
    rmdirSync(LOCK)
  } catch {}
}

function findOwner() {
  try {
    const [owner] = readdirSync(LOCK)
    return owner === undefined ? undefined : Number(owner)
  } catch {
    return undefined
  }
}

function isAlive(pid) {
  // A container that was killed while installing gives its next process the same number.
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

module.exports = { locked }
