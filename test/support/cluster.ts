import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const CACHE = join(import.meta.dirname, '../../node_modules/.cache')

/** Whom the files belong to, where it is not this process's user. */
export interface Identity {
  readonly uid?: number
  readonly gid?: number
}

export async function giveTo({ uid, gid }: Identity, path: string): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
}

/** As `initdb` makes it, which takes 0.7 s of the processor, for the first of them; a copy takes a tenth. */
export async function makeCluster(data: string, bin: string, identity: Identity): Promise<void> {
  const owner = identity.uid ?? process.getuid?.()
  const kept = join(CACHE, `postgres-${bin.split('/')[4]}-of-${owner}`)
  if (existsSync(kept)) {
    execFileSync('cp', ['-a', kept, data])
    return
  }
  const settings = ['-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8', '--locale=C']
  execFileSync(join(bin, 'initdb'), ['-D', data, ...settings], { ...identity, stdio: 'pipe' })
  const copy = `${kept}-${process.pid}`
  await mkdir(CACHE, { recursive: true })
  execFileSync('cp', ['-a', data, copy])
  // Another test file may have been first.
  await rename(copy, kept).catch(() => rm(copy, { recursive: true }))
}

/** Whom a server with TLS takes by TLS alone; it has a certificate for `localhost` and 127.0.0.1 that signs itself. */
export const ENCRYPTED_USER = 'encrypted'
export const CERTIFICATE = join(import.meta.dirname, '../fixtures/tls/self-signed.cert.pem')

export async function encrypt(data: string, identity: Identity): Promise<void> {
  await copyFile(CERTIFICATE, join(data, 'server.crt'))
  const key = await readFile(CERTIFICATE.replace('.cert.', '.key.'))
  // It refuses one that others may read, or that is not its own.
  await writeFile(join(data, 'server.key'), key, { mode: 0o600 })
  await giveTo(identity, join(data, 'server.key'))
  const rules = join(data, 'pg_hba.conf')
  await writeFile(rules, `hostnossl all ${ENCRYPTED_USER} all reject\n${await readFile(rules, 'utf8')}`)
}
