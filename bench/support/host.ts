import { closeSync, fdatasyncSync, openSync, statfsSync, writeSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { scratchFolder } from './scratch.ts'
import { median } from './statistics.ts'

export interface Host {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly filesystem: string
  /** Median of a 4 KiB write with fdatasync, where the store will be: what durability costs at the least. */
  readonly syncMs: number
}

const TMPFS = 0x01021994
const FILESYSTEMS: ReadonlyMap<number, string> = new Map([
  [TMPFS, 'tmpfs'],
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x794c7630, 'overlay'],
  [0x2fc12fc1, 'zfs'],
])
const SYNCS = 100

/** Figures mean nothing without the machine they were taken on. */
export async function describeHost(folder: string): Promise<Host> {
  const [first] = cpus()
  const filesystem = statfsSync(folder).type
  return {
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    filesystem: FILESYSTEMS.get(filesystem) ?? `0x${filesystem.toString(16)}`,
    syncMs: await medianSync(folder),
  }
}

async function medianSync(parent: string): Promise<number> {
  await using folder = await scratchFolder(parent)
  const file = openSync(join(folder.path, 'sync'), 'w')
  const block = Buffer.alloc(4096, 1)
  const times = Array.from({ length: SYNCS }, () => {
    const start = performance.now()
    writeSync(file, block)
    fdatasyncSync(file)
    return performance.now() - start
  })
  closeSync(file)
  return median(times)
}

export function hostLines(host: Host): string {
  const { cpu, cores, memoryGiB, system, node, filesystem, syncMs } = host
  const machine = `${cores} × ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node}`
  const disk = `store on ${filesystem}, a 4 KiB write with fdatasync takes ${syncMs.toFixed(2)} ms`
  const warning =
    filesystem === 'tmpfs' ? '\nWARNING: on tmpfs durability costs nothing; give a real disk with --dir' : ''
  return `${machine}\n${disk}${warning}`
}
