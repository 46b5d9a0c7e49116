import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import packages from '../../setup/system.json' with { type: 'json' }

/** For node:test's `skip`: false when Python can call an HTTP API, else why the test is skipped. */
export function requirePythonRequests(): string | false {
  return requirePackage('python3-requests')
}

export function requireCurl(): string | false {
  return requirePackage('curl')
}

export function requireBrowser(): string | false {
  return requirePackage('chromium-headless-shell')
}

/** A browser, and something to show in it. */
export function requireDashboard(): string | false {
  const built = existsSync(join(import.meta.dirname, '../../dist/dashboard/index.html'))
  return requireBrowser() || requires('the built dashboard', built, 'npm test')
}

function requirePackage(name: string): string | false {
  const wanted = packages.find((entry) => entry.package === name)
  if (wanted === undefined) throw new Error(`setup/system.json has no ${name}`)
  return requires(`the system package ${name}`, succeeds(wanted.probe), 'npm run setup:system')
}

/** A skip must not hide in a run that is meant to be whole: REQUIRE_ALL=1 makes it an error. */
export function requires(what: string, present: boolean, enabledBy: string): string | false {
  if (present) return false
  const reason = `needs ${what}: \`${enabledBy}\` enables it`
  if (process.env.REQUIRE_ALL === '1') throw new Error(reason)
  return reason
}

function succeeds([file = '', ...args]: readonly string[]): boolean {
  return spawnSync(file, args, { stdio: 'ignore' }).status === 0
}
