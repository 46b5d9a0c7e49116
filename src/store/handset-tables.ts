import type { Generated } from 'kysely'
import type { ConversationKind, Service } from '../core/conversation.ts'
import type { LineId } from '../core/id.ts'
import type { Address } from '../core/phone-number.ts'
import type { Flag, Made } from './tables.ts'

/** What the simulated phone and its carrier remember for themselves, apart from what the server does. */
export interface HandsetTables {
  handset_messages: {
    id: Made<number>
    line_id: LineId
    contact: Address
    kind: ConversationKind
    conversation_address: Address
    carrier_message_id: string
    part: number
    content: string | null
    media_url: string | null
    service: Service
    written_at: number
    read_at: number | null
    /** 1 where the line wrote it; the rest is for those alone. */
    from_line: Generated<Flag>
    send_style: string | null
    delivered_at: number | null
  }
  handset_typing: { line_id: LineId; contact: Address; until: number }
  simulated_carriers: {
    line_id: LineId
    latency_ms: number
    pace_per_s: number | null
    fail_next: number
    failure_rate: number
    offline: Flag
  }
}
