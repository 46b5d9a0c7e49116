import { setImmediate as turn } from 'node:timers/promises'
import type { CarrierLine, Connector } from '../../src/core/connector.ts'
import type { LineId } from '../../src/core/id.ts'
import type { Outbox } from '../../src/core/store.ts'
import type { OutboxLog } from '../../src/outbox/log.ts'
import { ReceiptLane, type ReceiptLaneOptions } from '../../src/outbox/receipt-lane.ts'

/** Says nothing. */
export const SILENT: OutboxLog = { info() {}, warn() {}, error() {} }

/** The one connector there is: every line whose `connector` is `test` has this carrier. */
export function carriedBy(
  carrier: Partial<CarrierLine>,
  connector: Partial<Connector> = {},
): Readonly<Record<string, Connector>> {
  return { test: { ...connector, line: () => carrier as CarrierLine } as Partial<Connector> as Connector }
}

/** A lane that may call its carrier at once and has nothing overdue, where nothing else is said. */
export function laneOn(store: Partial<Outbox>, options: Partial<ReceiptLaneOptions> = {}): ReceiptLane {
  const nothingOverdue = async () => ({ receiptIds: [], nextExpiryAt: null, goOnAfter: null })
  return new ReceiptLane({
    lineId: 1 as LineId,
    store: { findOverdue: nothingOverdue, ...store } as Outbox,
    connectors: {},
    log: SILENT,
    now: () => 0,
    nextCallAt: () => 0,
    mayCall: () => true,
    onSent() {},
    onEnd() {},
    ...options,
  })
}

/** Until a lane has done what it can do without hearing of anything. */
export async function rest(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await turn()
}
