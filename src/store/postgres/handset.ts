import type { Handset, HandsetDraft, SimulatedCarrier } from '../../core/handset.ts'
import type { LineId } from '../../core/id.ts'
import { type CarrierRow, toCarrier } from '../handset.ts'
import { Batches } from './batches.ts'
import { plannedOnce, type Statement, type Transaction, type Transactions } from './transactions.ts'

/** What every message and every receipt asks of the simulated phone: of many at once, one transaction for each would be most of their cost. */
export function handsetMethods(transactions: Transactions) {
  const written = <Call>(write: (transaction: Transaction, calls: readonly Call[]) => void) =>
    new Batches<Call, void>(async (calls) => {
      await transactions.run('current', async (transaction) => write(transaction, calls))
      return calls.map(() => undefined)
    })
  const write = written(writeDrafts)
  const showRead = written(showReads)
  const carrier = new Batches<LineId, SimulatedCarrier>((lineIds) =>
    transactions.run('none', (transaction) => findCarriers(transaction, lineIds)),
  )
  return {
    writeOnPhone: (draft: HandsetDraft) => write.call(draft),
    showRead: (read: Reading) => showRead.call(read),
    simulatedCarrier: (lineId: LineId) => carrier.call(lineId),
    finished: async () => void (await Promise.all([write.finished(), showRead.finished()])),
  }
}

type Reading = Parameters<Handset['showRead']>[0]

/** The knobs of many lines' carriers: a carrier that is not paced asks for them with each call. */
async function findCarriers(transaction: Transaction, lineIds: readonly LineId[]): Promise<SimulatedCarrier[]> {
  const rows = await transaction.rows<CarrierRow>(FIND_CARRIERS, [[...new Set(lineIds)]])
  const byLine = new Map(rows.map((row) => [row.line_id, row]))
  return lineIds.map((lineId) => toCarrier(byLine.get(lineId)))
}

function writeDrafts(transaction: Transaction, drafts: readonly HandsetDraft[]): void {
  const each = Map.groupBy(drafts, ({ lineId, carrierMessageId }) => `${lineId} ${carrierMessageId}`)
  const first = [...each.values()].map(([draft]) => draft as HandsetDraft)
  const pieces = first.flatMap((draft) => draft.parts.map((part, number) => ({ draft, part, number })))
  transaction.write(WRITE, [
    pieces.map(({ draft }) => draft.lineId),
    pieces.map(({ draft }) => draft.contact),
    pieces.map(({ draft }) => draft.kind),
    pieces.map(({ draft }) => draft.conversationAddress),
    pieces.map(({ draft }) => draft.carrierMessageId),
    pieces.map(({ number }) => number),
    pieces.map(({ part }) => part.content),
    pieces.map(({ part }) => part.mediaUrl),
    pieces.map(({ draft }) => draft.service),
    pieces.map(({ draft }) => draft.writtenAt),
  ])
}

function showReads(transaction: Transaction, reads: readonly Reading[]): void {
  transaction.write(SHOW_READS, [
    reads.map(({ lineId }) => lineId),
    reads.map(({ address }) => address),
    reads.map(({ kind }) => kind),
    reads.map(({ at }) => at),
  ])
}

const FIND_CARRIERS = plannedOnce({
  name: 'find simulated carriers',
  text: `select line_id, latency_ms, pace_per_s, fail_next, failure_rate, offline from simulated_carriers
    where line_id = any($1::bigint[])`,
})
/** As the shared `writeOnPhone`: in the order in which they were written, by which the phone shows them. */
const WRITE: Statement = {
  name: 'write on phones',
  text: `insert into handset_messages (line_id, contact, kind, conversation_address, carrier_message_id, part, content, media_url,
      service, written_at)
    select line_id, contact, kind, conversation_address, carrier_message_id, part, content, media_url, service, written_at
    from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[],
      $10::bigint[]) with ordinality as k (line_id, contact, kind, conversation_address, carrier_message_id, part, content,
        media_url, service, written_at, n)
    where (select part from handset_messages h where h.line_id = k.line_id and h.carrier_message_id = k.carrier_message_id
      limit 1) is null
    order by n on conflict do nothing`,
}
/**
 * As the shared `showRead`, for many conversations, each by the index of what is unread whatever the planner believes: `+ 0` keeps it from
 * those that begin with the line.
 */
const SHOW_READS = plannedOnce({
  name: 'show reads',
  text: `with k as materialized (select m.id, k.at
      from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) as k (line_id, address, kind, at)
      cross join lateral (select id from handset_messages m where m.conversation_address = k.address and m.kind = k.kind
        and m.line_id + 0 = k.line_id and m.read_at is null and m.service <> 'SMS'
        and exists (select 1 from seen_inbound s where s.line_id = m.line_id and s.carrier_message_id = m.carrier_message_id)
        offset 0) m)
    update handset_messages m set read_at = k.at from k where m.id = k.id and m.id = any(array(select id from k))`,
})
