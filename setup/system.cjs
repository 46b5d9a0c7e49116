'use strict'

const { spawnSync } = require('node:child_process')
const { readSync } = require('node:fs')
const { isatty } = require('node:tty')
const PACKAGES = require('./system.json')

function main(args) {
  const missing = PACKAGES.filter(({ probe: [file, ...rest] }) => !succeeds(file, rest))
  if (missing.length === 0) return tell('every system package is there', 0)

  console.log('setup: system packages that some tests need, and that are missing:')
  for (const { package: name, reason } of missing) console.log(`  ${name}  ${reason}`)
  const names = missing.map((entry) => entry.package).join(' ')
  if (!succeeds('apt-get', ['--version'])) return tell(`no apt here: install what your system has for ${names}`, 1)

  const sudo = process.getuid() !== 0 && succeeds('sudo', ['--version']) ? 'sudo ' : ''
  const command = `${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends ${names}`
  console.log(`  ${command}`)
  if (!args.includes('--yes') && !agrees()) return tell('nothing was installed (--yes goes ahead unasked)', 1)
  return spawnSync(command, { shell: true, stdio: 'inherit' }).status ?? 1
}

function succeeds(file, args) {
  return spawnSync(file, args, { stdio: 'ignore' }).status === 0
}

function agrees() {
  if (!isatty(0)) return false
  process.stdout.write('Run it? [y/N] ')
  const answer = Buffer.alloc(80)
  return /^y(es)?$/i.test(answer.toString('utf8', 0, readSync(0, answer)).trim())
}

function tell(message, code) {
  console.log(`setup: ${message}`)
  return code
}

process.exitCode = main(process.argv.slice(2))
