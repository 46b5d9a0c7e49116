import type { LineId } from './id.ts'
import type { Arrival, StoredInbound } from './inbound-message.ts'
import type { Store } from './store.ts'

/**
 * Stores what arrived, once however often the carrier repeats it, and lets the auto rule decide in the same transaction.
 * Whatever becomes of the receipt, the inbound neither waits for it nor fails with it.
 */
export async function receiveInbound(
  store: Pick<Store, 'storeInbound'>,
  nudge: (lineId: LineId) => void,
  arrivals: readonly Arrival[],
): Promise<StoredInbound[]> {
  if (arrivals.length === 0) return []
  const stored = await store.storeInbound(arrivals)
  arrivals.forEach(({ lineId }, index) => {
    if (stored[index]?.receiptId != null) nudge(lineId)
  })
  return stored
}
