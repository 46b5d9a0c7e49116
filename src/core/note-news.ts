import type { ParsedInbound } from './connector.ts'
import type { LineId } from './id.ts'
import type { Store } from './store.ts'

/** What a carrier told of what the line sent, and of a contact who types. */
export async function noteNews(
  store: Pick<Store, 'noteNews' | 'noteTyping'>,
  { news = [], typing = [] }: Pick<ParsedInbound, 'news' | 'typing'>,
  call: { readonly lineId: LineId; readonly at: number },
): Promise<void> {
  for (let rest = news; rest.length > 0; ) rest = await store.noteNews({ ...call, news: rest })
  if (typing.length > 0) await store.noteTyping({ ...call, typing })
}
