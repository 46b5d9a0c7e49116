import type { Handset, SimulatedCarrier } from '../../core/handset.ts'
import type { LineId } from '../../core/id.ts'
import { type CarrierRow, toCarrier } from '../handset.ts'
import { plannedOnce, type Transaction } from './transactions.ts'

/** The knobs of many lines' carriers: a carrier that is not paced asks for them with each call. */
export async function findCarriers(transaction: Transaction, lineIds: readonly LineId[]): Promise<SimulatedCarrier[]> {
  const rows = await transaction.rows<CarrierRow>(FIND_CARRIERS, [[...new Set(lineIds)]])
  const byLine = new Map(rows.map((row) => [row.line_id, row]))
  return lineIds.map((lineId) => toCarrier(byLine.get(lineId)))
}

export function showReads(transaction: Transaction, reads: readonly Parameters<Handset['showRead']>[0][]): void {
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
/** As the shared `showRead`, for many conversations, each by the index of what is unread whatever the planner believes. */
const SHOW_READS = plannedOnce({
  name: 'show reads',
  text: `with k as materialized (select m.id, k.at
      from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[]) as k (line_id, address, kind, at)
      cross join lateral (select id from handset_messages m where m.line_id = k.line_id and m.conversation_address = k.address
        and m.kind = k.kind and m.read_at is null and m.service <> 'SMS'
        and exists (select 1 from seen_inbound s where s.line_id = m.line_id and s.carrier_message_id = m.carrier_message_id)
        offset 0) m)
    update handset_messages m set read_at = k.at from k where m.id = k.id and m.id = any(array(select id from k))`,
})
