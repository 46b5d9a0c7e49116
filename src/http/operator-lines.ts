import { z } from 'zod'
import type { Connector, WhenTold } from '../core/connector.ts'
import { ReadbackError } from '../core/errors.ts'
import { formatId, type LineId } from '../core/id.ts'
import { type LeftLine, LINE_STATUSES, type Line, type LineHealth, type LineSettings } from '../core/line.ts'
import type { LineStore } from '../core/store.ts'
import { ok, TIME } from './answers.ts'
import { type Door, door } from './door.ts'
import { isoTime, phoneNumber, REASON } from './fields.ts'
import { accountId } from './operator-accounts.ts'
import { TIMING, TIMING_ANSWER, timingToWire } from './timing.ts'

/** What the doors to lines need. */
export interface LineDesk {
  readonly store: LineStore
  readonly connectors: Readonly<Record<string, Connector>>
  /** Where a carrier is told to call us, with the line's secret in it. */
  readonly inboundUrl: (inboundSecret: string) => string
  /** Whether that URL is one that another machine can call. */
  readonly publicUrlSet: boolean
  /** Tells the line's carrier where to call us, or goes on trying; answers when it was tried once, undefined where that failed. */
  readonly enrol: (lineId: LineId) => Promise<WhenTold | undefined>
  /** Tells the carrier that the line had to call us no more, where it has another one now, or was removed; nobody waits for it. */
  readonly leave: (left: LeftLine) => void
  /** There may be something to be fetched from the line's carrier. */
  readonly catchUp: (lineId: LineId, delayMs: number) => void
  readonly nudge: (lineId: LineId) => void
  readonly nudgeMessages: (lineId: LineId) => void
  readonly lineRemoved: (lineId: LineId) => void
  /** Notes what a line's carrier says it is; answers what the line is then. */
  readonly noteHealth: (line: Line, probed: LineHealth) => Promise<LineHealth>
  readonly now: () => number
}

const NUMBER = phoneNumber('`number` must be a phone number in E.164')
const SETTINGS = z.record(z.string(), z.unknown())
const DRAFT = z.strictObject({ number: NUMBER, connector: z.string(), settings: SETTINGS.default({}) })
const CHANGE = z.strictObject({
  settings: SETTINGS.optional(),
  paused: z.boolean().optional(),
  auto_mark_read_timing: TIMING.nullable().optional(),
})
const LINE = z.object({ number: NUMBER })

const SETTING = z.object({
  name: z.string(),
  label: z.string(),
  optional: z.literal(true).optional(),
  secret: z.literal(true).optional(),
  json: z.literal(true).optional(),
  options: z.array(z.string()).readonly().optional(),
})
const SHOWN = z
  .object({
    number: z.string(),
    account_id: z.string(),
    connector: z.string(),
    paused: z.boolean(),
    line_status: z.enum(LINE_STATUSES),
    reason: REASON.nullable(),
    auto_mark_read_timing: TIMING_ANSWER.nullable(),
    created_at: TIME,
  })
  .meta({ id: 'Line' })
const CONNECTOR = z.object({ connector: z.string(), settings: z.array(SETTING) })
const ONE = ok({ line: SHOWN })
const CREATED = ok({ line: SHOWN.extend({ inbound_url: z.string() }) })
const PROBED = ok({ line_status: z.enum(LINE_STATUSES), reason: REASON.optional() })
const INBOUND_URL = ok({ inbound_url: z.string() })

/** `POST /operator/accounts/{account_id}/lines`. A line whose carrier is away is created all the same, OFFLINE. */
export function createLineDoor(desk: LineDesk): Door {
  const { store, inboundUrl, enrol, now } = desk
  const params = z.object({ account_id: z.string() })
  const shape = { summary: 'Create a line', params, body: DRAFT, answer: CREATED, status: 201 } as const
  return door(shape, async ({ params, body }) => {
    const connector = connectorNamed(body.connector, desk)
    const settings = parseSettings(connector, body.settings, desk)
    const { line, inboundSecret } = await store.createLine({
      accountId: accountId(params.account_id),
      number: body.number,
      connector: connector.name,
      settings,
      at: now(),
    })
    await enrol(line.id)
    const created = toWire(await store.getLine({ number: line.number }))
    return { status: 'OK', line: { ...created, inbound_url: inboundUrl(inboundSecret) } }
  })
}

export function listLinesDoor({ store }: LineDesk): Door {
  const shape = { summary: 'All lines', answer: ok({ data: z.array(SHOWN) }) }
  return door(shape, async () => ({ status: 'OK', data: (await store.listLines()).map(toWire) }))
}

/** `GET /operator/connectors`: what an operator is asked for, by connector. */
export function listConnectorsDoor({ connectors }: Pick<LineDesk, 'connectors'>): Door {
  const data = Object.values(connectors).map(({ name, settings }) => ({
    connector: name,
    settings: Object.entries(settings).map(([setting, field]) => ({ name: setting, ...field })),
  }))
  const shape = { summary: 'What each connector asks for', answer: ok({ data: z.array(CONNECTOR) }) }
  return door(shape, async () => ({ status: 'OK', data }))
}

/** `PATCH /operator/lines/{number}`. Settings are given whole: what is absent is not kept. */
export function updateLineDoor(desk: LineDesk): Door {
  const { store, enrol, leave, catchUp, nudge, nudgeMessages } = desk
  return door({ summary: 'Change a line', params: LINE, body: CHANGE, answer: ONE }, async ({ params, body }) => {
    const line = await store.getLine({ number: params.number })
    const settings = body.settings && parseSettings(connectorNamed(line.connector, desk), body.settings, desk)
    await store.updateLine({
      id: line.id,
      ...(settings === undefined ? {} : { settings }),
      ...(body.paused === undefined ? {} : { paused: body.paused }),
      ...(body.auto_mark_read_timing === undefined ? {} : { autoTiming: body.auto_mark_read_timing }),
    })
    if (settings !== undefined) {
      const isAnother = (await enrol(line.id)) === 'now'
      leave({ line, inboundSecret: await store.inboundSecret({ id: line.id, renew: false }), now: settings, isAnother })
      catchUp(line.id, 0)
    }
    nudge(line.id)
    nudgeMessages(line.id)
    return { status: 'OK', line: toWire(await store.getLine({ number: params.number })) }
  })
}

/** What waits for it ends as `line_removed`; what it held stays with the account. */
export function removeLineDoor({ store, leave, lineRemoved, now }: LineDesk): Door {
  return door({ summary: 'Remove a line', params: LINE, answer: ONE }, async ({ params }) => {
    const line = await store.getLine({ number: params.number })
    const inboundSecret = await store.inboundSecret({ id: line.id, renew: false })
    await store.removeLine({ id: line.id, at: now() })
    lineRemoved(line.id)
    leave({ line, inboundSecret, now: null, isAnother: false })
    return { status: 'OK', line: toWire(line) }
  })
}

export function probeLineDoor(desk: LineDesk): Door {
  return door({ summary: 'Ask a line’s carrier how it is', params: LINE, answer: PROBED }, async ({ params }) => {
    const { status, reason } = await probe(await desk.store.getLine({ number: params.number }), desk)
    return { status: 'OK', line_status: status, ...(reason === null ? {} : { reason }) }
  })
}

export function getInboundUrlDoor({ store, inboundUrl }: LineDesk): Door {
  return door({ summary: 'Where a line’s carrier calls', params: LINE, answer: INBOUND_URL }, async ({ params }) => {
    const { id } = await store.getLine({ number: params.number })
    return { status: 'OK', inbound_url: inboundUrl(await store.inboundSecret({ id, renew: false })) }
  })
}

/** A new secret; the old URL is refused from the answer on, and the carrier is told the new one. */
export function renewInboundUrlDoor({ store, inboundUrl, enrol }: LineDesk): Door {
  const shape = { summary: 'Make a new secret for a line’s carrier', params: LINE, answer: INBOUND_URL }
  return door(shape, async ({ params }) => {
    const { id } = await store.getLine({ number: params.number })
    const secret = await store.inboundSecret({ id, renew: true })
    await enrol(id)
    return { status: 'OK', inbound_url: inboundUrl(secret) }
  })
}

function connectorNamed(name: string, { connectors }: LineDesk): Connector {
  const connector = Object.hasOwn(connectors, name) ? connectors[name] : undefined
  if (connector !== undefined) return connector
  throw new ReadbackError('invalid', `\`connector\` must be one of ${Object.keys(connectors).join(', ')}`)
}

function parseSettings(connector: Connector, input: LineSettings, { publicUrlSet }: LineDesk): LineSettings {
  const settings = connector.parseSettings(input)
  if (connector.onThisMachine === undefined || publicUrlSet || connector.onThisMachine(settings)) return settings
  const message =
    'The carrier runs on another machine and cannot call this one: set READBACK_PUBLIC_URL and start again'
  throw new ReadbackError('invalid', message)
}

export async function probe(
  line: Line,
  { noteHealth, connectors }: Pick<LineDesk, 'noteHealth' | 'connectors'>,
): Promise<LineHealth> {
  const probed = await connectors[line.connector]?.line(line).probe?.()
  return probed === undefined ? line.health : noteHealth(line, probed)
}

function toWire(line: Line): z.output<typeof SHOWN> {
  return {
    number: line.number,
    account_id: formatId('account', line.accountId),
    connector: line.connector,
    paused: line.paused,
    line_status: line.health.status,
    reason: line.health.reason,
    auto_mark_read_timing: timingToWire(line.autoTiming),
    created_at: isoTime(line.createdAt),
  }
}
