import type { Connector } from '../core/connector.ts'
import type { Handset } from '../core/handset.ts'
import type { HttpCaller } from '../outgoing/http-call.ts'
import * as bluebubbles from './bluebubbles.ts'
import * as bluebubblesWriting from './bluebubbles-writing.ts'
import * as googleRbm from './google-rbm.ts'
import type { MediaCaller } from './media.ts'
import * as sendblue from './sendblue.ts'
import * as simulator from './simulator.ts'

export interface ConnectorOptions {
  readonly handset: Handset
  readonly caller: HttpCaller
  /** Calls where customers say, and nowhere that they may not. */
  readonly media: MediaCaller
  readonly now: () => number
}

/** Each connector's declaration, by the name that a line's `connector` has. The store decides by it. */
export const RECEIPTS: Readonly<Record<string, Connector['receipts']>> = {
  simulator: simulator.RECEIPTS,
  bluebubbles: bluebubbles.RECEIPTS,
  google_rbm: googleRbm.RECEIPTS,
  sendblue: sendblue.RECEIPTS,
}

/** What lines can write, likewise; a connector that is absent can write nothing. */
export const WRITING: Readonly<Record<string, Connector['writing']>> = {
  simulator: simulator.WRITING,
  bluebubbles: bluebubblesWriting.WRITING,
  sendblue: sendblue.WRITING,
}

/** Those that call another server which speaks this API. */
export const RELAYS: readonly string[] = ['sendblue']

/** Every carrier there is, by the same name. */
export function createConnectors({
  handset,
  caller,
  media,
  now,
}: ConnectorOptions): Readonly<Record<string, Connector>> {
  const all = [
    simulator.simulator({ handset, deadline: caller.deadline, now }),
    bluebubbles.bluebubbles(caller, media),
    googleRbm.googleRbm(caller),
    sendblue.sendblue(caller),
  ]
  return Object.fromEntries(all.map((connector) => [connector.name, connector]))
}
