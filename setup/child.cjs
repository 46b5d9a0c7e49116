'use strict'

const { spawn } = require('node:child_process')
const { constants } = require('node:os')

let running
let stoppedBy

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stoppedBy = signal
    if (running === undefined) process.exit(exitCode(null, signal))
    running.kill(signal)
  })
}

/** Resolves with the child's exit code. Signals go to the child, which decides when both of them end. */
function run(file, args, options) {
  return new Promise((resolve, reject) => {
    running = spawn(file, args, options)
    running.on('error', reject)
    running.on('close', (code, signal) => {
      running = undefined
      resolve(exitCode(code, signal))
    })
  })
}

/** The same, quietly: what the child writes comes back as text, and all of it so far goes to `onOutput`. */
async function runQuietly(file, args, options, onOutput = () => {}) {
  let output = ''
  const ended = run(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [running.stdout, running.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
      onOutput(output)
    })
  }
  return { code: await ended, output }
}

function stop() {
  running?.kill()
}

function exitCode(code, signal) {
  return code ?? 128 + constants.signals[signal]
}

/** What to exit with once a signal asked this process to stop, whatever its child made of that. */
function stopCode() {
  return stoppedBy === undefined ? undefined : exitCode(null, stoppedBy)
}

module.exports = { run, runQuietly, stop, stopCode }
