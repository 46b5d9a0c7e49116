import type { Reply } from './connector.ts'
import type { LineId } from './id.ts'
import type { Store } from './store.ts'

/** The account wrote in conversations of a line: what waited there for that may go. */
export async function noteReplies(
  store: Pick<Store, 'noteReplies'>,
  nudge: (lineId: LineId) => void,
  call: { readonly lineId: LineId; readonly replies: readonly Reply[]; readonly at: number },
): Promise<void> {
  if (call.replies.length === 0) return
  const released = await store.noteReplies(call)
  if (released > 0) nudge(call.lineId)
}
