import { z } from 'zod'
import type { ConsoleStore, LineState } from '../../core/console.ts'
import { MOST_COUNTED, percentile } from '../../core/overview.ts'
import { REASONS } from '../../core/reason.ts'
import type { LineStore } from '../../core/store.ts'
import { credentialsOf } from '../auth.ts'
import { type Door, door } from '../door.ts'
import { isoTime, phoneNumber } from '../fields.ts'
import { type LineDesk, probe } from '../operator-lines.ts'
import { receiptToWire } from '../receipts.ts'
import { timingToWire } from '../timing.ts'

const MINUTE_MS = 60_000

/** `GET /console/overview`: the last hour. */
export function overviewDoor(store: Pick<ConsoleStore, 'overview'>, now: () => number): Door {
  return door({}, async ({ request }) => {
    const { tallies, open, failures, lines } = await store.overview({ credentials: credentialsOf(request), at: now() })
    return {
      status: 'OK',
      now: isoTime(now()),
      receipts: tallies.map(({ minute, state, receipts }) => ({ at: isoTime(minute * MINUTE_MS), state, receipts })),
      request_to_carrier_ms: { p50: percentile(tallies, 0.5), p99: percentile(tallies, 0.99) },
      queued: open,
      queued_and_more: open >= MOST_COUNTED,
      failures: failures.map(receiptToWire),
      lines: lines.map(({ status, lines }) => ({ line_status: status, lines })),
    }
  })
}

/** `GET /console/reasons`: every word with its meaning and what to do. */
export function reasonsDoor(): Door {
  return door({}, async () => ({ status: 'OK', data: REASONS }))
}

export function lineStatesDoor(store: Pick<ConsoleStore, 'listLineStates'>): Door {
  return door({}, async ({ request }) => {
    const states = await store.listLineStates({ credentials: credentialsOf(request) })
    return { status: 'OK', data: states.map(toWire) }
  })
}

export interface OwnLineDesk extends Pick<LineDesk, 'connectors' | 'noteHealth' | 'inboundUrl'> {
  readonly store: Pick<LineStore, 'getOwnLine' | 'inboundSecret'>
}

const LINE = z.object({ number: phoneNumber('`number` must be a phone number in E.164') })

export function probeOwnLineDoor(desk: OwnLineDesk): Door {
  return door({ params: LINE }, async ({ params: { number }, request }) => {
    const line = await desk.store.getOwnLine({ credentials: credentialsOf(request), number })
    const { status, reason } = await probe(line, desk)
    return { status: 'OK', line_status: status, reason }
  })
}

/** What the account's carrier is to call. */
export function ownInboundUrlDoor({ store, inboundUrl }: OwnLineDesk): Door {
  return door({ params: LINE }, async ({ params: { number }, request }) => {
    const { id } = await store.getOwnLine({ credentials: credentialsOf(request), number })
    return { status: 'OK', inbound_url: inboundUrl(await store.inboundSecret({ id, renew: false })) }
  })
}

function toWire({ line, queued, lastInboundAt, lastReceiptAt }: LineState): object {
  return {
    number: line.number,
    connector: line.connector,
    line_status: line.health.status,
    reason: line.health.reason,
    status_since: isoTime(line.healthSince),
    paused: line.paused,
    auto_mark_read_timing: timingToWire(line.autoTiming),
    queued,
    last_inbound_at: isoTime(lastInboundAt),
    last_receipt_at: isoTime(lastReceiptAt),
    created_at: isoTime(line.createdAt),
  }
}
