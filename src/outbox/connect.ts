import type { CarrierLine, Connector, Pace } from '../core/connector.ts'
import { messageOf } from '../core/errors.ts'
import { formatId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import type { OutboxLog } from './log.ts'

export interface Connected {
  readonly line: Line
  readonly connector: Connector
  readonly carrier: CarrierLine
  readonly pace: Pace
}

/**
 * Never throws, since what is claimed has to be settled by somebody: undefined where the line's settings are of no use any more, or its
 * pace cannot be known.
 */
export async function connect(
  line: Line,
  { connectors, log }: { readonly connectors: Readonly<Record<string, Connector>>; readonly log: OutboxLog },
): Promise<Connected | undefined> {
  try {
    const connector = connectors[line.connector]
    if (connector === undefined) throw new Error(`There is no connector ${line.connector}`)
    const carrier = connector.line(line)
    return { line, connector, carrier, pace: await carrier.pace() }
  } catch (error) {
    const tag = { line: formatId('line', line.id), error: messageOf(error) }
    log.error(tag, 'a line cannot be connected to its carrier')
    return undefined
  }
}
