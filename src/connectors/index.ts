import type { Connector } from '../core/connector.ts'
import type { Handset } from '../core/handset.ts'
import * as simulator from './simulator.ts'

export interface ConnectorOptions {
  readonly handset: Handset
  readonly now: () => number
}

/** Each connector's declaration, by the name that a line's `connector` has. The store decides by it. */
export const RECEIPTS: Readonly<Record<string, Connector['receipts']>> = {
  simulator: simulator.RECEIPTS,
}

/** Every carrier there is, by the same name. */
export function createConnectors({ handset, now }: ConnectorOptions): Readonly<Record<string, Connector>> {
  const all = [simulator.simulator(handset, now)]
  return Object.fromEntries(all.map((connector) => [connector.name, connector]))
}
