import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SCRATCH } from './scratch.ts'

/** A data folder that outlives the processes that use it, and goes with the test. */
export async function dataFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(SCRATCH, 'readback-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
