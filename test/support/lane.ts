import type { CarrierLine, Connector } from '../../src/core/connector.ts'
import type { OutboxLog } from '../../src/outbox/log.ts'

/** Says nothing. */
export const SILENT: OutboxLog = { info() {}, warn() {}, error() {} }

/** The one connector there is: every line whose `connector` is `test` has this carrier. */
export function carriedBy(
  carrier: Partial<CarrierLine>,
  connector: Partial<Connector> = {},
): Readonly<Record<string, Connector>> {
  return { test: { ...connector, line: () => carrier as CarrierLine } as Partial<Connector> as Connector }
}
