import type { Store } from '../../core/store.ts'
import { READ_NAMES, type Read, WRITE_NAMES, type Write } from './operations.ts'
import type { WorkerStart } from './worker.ts'
import { WorkerLink } from './worker-link.ts'

type Method = (argument: unknown) => Promise<unknown>
type Methods<Name extends string> = { [_ in Name]: Method }

/**
 * The store on one SQLite file, off the event loop: a thread that writes, and one that reads, so that a long list delays no call.
 * Throws when the file cannot be opened, was sealed with another key, or is served by another process.
 */
export async function openSqliteStore(
  start: Omit<WorkerStart, 'role'>,
  onDeath: (error: Error) => void,
): Promise<Store> {
  const writer = await WorkerLink.start({ ...start, role: 'writer' }, onDeath)
  const reader = await WorkerLink.start({ ...start, role: 'reader' }, onDeath)
  const methods: Methods<Read | Write> = { ...methodsOf(READ_NAMES, reader), ...methodsOf(WRITE_NAMES, writer) }
  return {
    // `Operations` is made from the port's own types: this is where they meet again.
    ...(methods as Omit<Store, 'close'>),
    async close() {
      await reader.close()
      await writer.close()
    },
  }
}

function methodsOf<Name extends string>(names: readonly Name[], link: WorkerLink): Methods<Name> {
  const methods = names.map((name) => [name, (argument: unknown) => link.call(name, argument)])
  return Object.fromEntries(methods) as Methods<Name>
}
