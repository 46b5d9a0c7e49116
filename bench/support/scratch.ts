import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** A folder of one's own that goes when it is disposed of, or with this process. */
export async function scratchFolder(parent: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(parent, 'readback-bench-'))
  const atExit = () => rmSync(path, { recursive: true, force: true })
  process.once('exit', atExit)
  return {
    path,
    async [Symbol.asyncDispose]() {
      process.off('exit', atExit)
      await rm(path, { recursive: true, force: true })
    },
  }
}
