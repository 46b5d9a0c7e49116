'use strict'

const { spawnSync } = require('node:child_process')
const { existsSync } = require('node:fs')
const { delimiter, dirname, join } = require('node:path')
const { OFFLINE, SetupError, install } = require('./install.cjs')
const { optionalDependencies } = require('./node/package.json')

const NEEDED = 24

/** A Node that is new enough, and the environment in which `node` means that one. */
async function findNode() {
  const { env, platform, arch, versions } = process
  if (Number.parseInt(versions.node, 10) >= NEEDED) return { file: process.execPath, env }

  const name = `node-${platform}-${arch}`
  const version = optionalDependencies[name]
  const tooOld = `Readback needs Node.js ${NEEDED} or newer and this is ${versions.node}`
  if (version === undefined) throw new SetupError(`${tooOld}: install it from https://nodejs.org`)

  const folder = join(__dirname, 'node')
  const file = join(folder, 'node_modules', name, 'bin', 'node')
  await install(folder, `Node.js ${version}, as this is ${versions.node}`, env, (output) => {
    // npm passes over an optional package that it cannot get, and another libc cannot run this one.
    if (spawnSync(file, ['--version']).status === 0) return
    throw new SetupError(`${tooOld}: ${version} ${whyNot(file, output)} install it from https://nodejs.org`)
  })
  return { file, env: { ...env, PATH: `${dirname(file)}${delimiter}${env.PATH}` } }
}

function whyNot(file, output) {
  if (existsSync(file)) return 'does not run here:'
  const [code] = OFFLINE.exec(output) ?? []
  if (code === undefined) return 'could not be downloaded:'
  return `could not be downloaded (${code}): is there a network? Start again once there is, or`
}

module.exports = { findNode }
