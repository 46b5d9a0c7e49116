import { accessSync, constants, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

const MEMORY = '/dev/shm'
/** The largest test keeps 0.8 GB there, and three run at once; servers and a browser need as much beside. */
const ROOM = 6 * 2 ** 30

/**
 * Where tests keep their stores: in memory where there is room for them. To make a database costs a quarter of the processor there,
 * and no test is about the disk: what a process wrote outlives its end on either. `TMPDIR` says otherwise.
 */
export const SCRATCH = process.env.TMPDIR === undefined && hasRoom() ? MEMORY : tmpdir()

function hasRoom(): boolean {
  try {
    accessSync(MEMORY, constants.W_OK)
    const { bavail, bsize } = statfsSync(MEMORY)
    return Math.min(bavail * bsize, process.availableMemory()) >= ROOM
  } catch {
    return false
  }
}
