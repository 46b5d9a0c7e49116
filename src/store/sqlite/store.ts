import type { Caller } from '../../core/caller.ts'
import type { Receipt } from '../../core/receipt.ts'
import type { Store } from '../../core/store.ts'
import { LISTS } from '../queries.ts'
import { Semaphore } from '../semaphore.ts'
import { merge } from './joins.ts'
import { type Overlay, READ_NAMES, type Read, WRITE_NAMES, type Write } from './operations.ts'
import type { WorkerStart } from './worker.ts'
import { type LinkListeners, WorkerLink } from './worker-link.ts'

type Method = (argument: unknown) => Promise<unknown>
type Methods<Name extends string> = { [_ in Name]: Method }

/** One that the thread has in hand, and one to go on with: what else it is asked waits for no more than these. */
const LISTS_AT_ONCE = 2

/**
 * The store on one SQLite file, off the event loop: a thread that writes, and one that reads, so that a long list delays no call.
 * Throws when the file cannot be opened, was sealed with another key, or is served by another process.
 */
export async function openSqliteStore(start: Omit<WorkerStart, 'role'>, listeners: LinkListeners): Promise<Store> {
  const writer = await WorkerLink.start({ ...start, role: 'writer' }, listeners)
  const reader = await WorkerLink.start({ ...start, role: 'reader' }, listeners)
  const lists = new Semaphore(LISTS_AT_ONCE, (call) => reader.call('identify', call) as Promise<Caller>)
  const read = (name: string, argument: unknown) => {
    const asked = () => reader.call(name, argument)
    return LISTS.includes(name) ? lists.through(argument, asked) : asked()
  }
  const write = (name: string, argument: unknown) => writer.call(name, argument)
  const methods: Methods<Read | Write> = { ...methodsOf(READ_NAMES, read), ...methodsOf(WRITE_NAMES, write) }
  // `Operations` is made from the port's own types: this is where they meet again.
  const store = methods as Omit<Store, 'close' | 'now'>
  const upToDate = (receipts: readonly Receipt[]) => overlayJoins(writer, receipts)
  return {
    ...store,
    now: Date.now,
    getReceipt: async (by) => (await upToDate([await store.getReceipt(by)]))[0] as Receipt,
    listReceipts: async (call) => upToDate(await store.listReceipts(call)),
    getConversation: async (call) => {
      const view = await store.getConversation(call)
      return { ...view, receipts: await upToDate(view.receipts) }
    },
    getMessageStory: async (call) => {
      const story = await store.getMessageStory(call)
      return { ...story, receipts: await upToDate(story.receipts) }
    },
    async close() {
      await reader.close()
      await writer.close()
    },
  }
}

async function overlayJoins(writer: WorkerLink, receipts: readonly Receipt[]): Promise<Receipt[]> {
  const queued = receipts.filter(({ state }) => state === 'queued').map(({ id }) => id)
  if (queued.length === 0) return [...receipts]
  const joined = (await writer.call('findJoined', queued)) as ReturnType<Overlay['findJoined']>
  const byId = new Map(queued.map((id, index) => [id, joined[index] ?? undefined]))
  return receipts.map((receipt) => merge(receipt, byId.get(receipt.id)))
}

function methodsOf<Name extends string>(names: readonly Name[], call: WorkerLink['call']): Methods<Name> {
  const methods = names.map((name) => [name, (argument: unknown) => call(name, argument)])
  return Object.fromEntries(methods) as Methods<Name>
}
