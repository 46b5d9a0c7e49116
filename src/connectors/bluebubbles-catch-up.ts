import { z } from 'zod'
import type { CaughtUp, FailedCall, ParsedInbound } from '../core/connector.ts'
import { messageOf } from '../core/errors.ts'
import { parseRow } from './bluebubbles-inbound.ts'
import { type Heard, outcomeOf, type Settings, type Talk } from './bluebubbles-talk.ts'

/** Rows a call; a row with all that hangs on it has seldom more than 10 kB. */
const PAGE = 200
/** A row whose conversation or attachments are not linked yet is waited for this long, then taken as it is. */
const LINKED_WITHIN_MS = 30_000
const COME_BACK_MS = 2_000

/** Which Mac it was, and the highest row of its table of messages that was fetched. */
const CURSOR = z.object({ url: z.string(), row: z.int().nonnegative() })

/** Whatever else it is, it is a row that has its number. */
const NUMBERED = z.looseObject({ originalROWID: z.int().positive() })
type Row = z.infer<typeof NUMBERED>
const ROWS = z.array(NUMBERED)
const LINKS = z.object({
  chats: z.array(z.unknown()).optional(),
  dateCreated: z.number().optional(),
  isFromMe: z.boolean().optional(),
})

/**
 * Rows beyond the cursor, by their numbers: new rows have higher ones, whatever their date, so a range of numbers that exist is
 * complete in one page and nothing is missed between pages that shift. Each call has a deadline of its own.
 */
export async function catchUp(
  talk: () => Talk,
  { url }: Settings,
  cursor: string | null,
  now: number,
): Promise<CaughtUp | FailedCall> {
  const from = cursor === null ? undefined : CURSOR.safeParse(JSON.parse(cursor)).data
  // Other settings: another Mac, with numbers of its own.
  if (from === undefined || from.url !== url) return begin(talk, url)
  // The row of the cursor comes again: where not even that is there, the table is another one.
  const first = await query(talk(), from.row - 1)
  if (first.kind !== 'rows') return first
  if (first.rows.length === 0 && from.row > 0) return beginAgain(talk, url)
  if (first.rows.length < PAGE) {
    const last = Math.max(from.row, ...first.rows.map(({ originalROWID }) => originalROWID))
    return take(talk(), first, { url, from: from.row, to: last, more: false }, now)
  }
  const to = from.row + PAGE
  const range = await query(talk(), from.row, to)
  return range.kind === 'rows' ? take(talk(), range, { url, from: from.row, to, more: true }, now) : range
}

/** Behind the highest number there is. The newest by date need not have it, so it is asked until nothing is higher. */
async function begin(talk: () => Talk, url: string): Promise<CaughtUp | FailedCall> {
  for (let row = 0; ; ) {
    const page = await query(talk(), row, undefined, 'DESC')
    if (page.kind !== 'rows') return page
    if (page.rows.length === 0) {
      const cursor = JSON.stringify({ url, row })
      return { kind: 'done', messages: [], replies: [], news: [], refused: [], cursor, comeBackMs: null }
    }
    row = Math.max(...page.rows.map(({ originalROWID }) => originalROWID))
  }
}

async function beginAgain(talk: () => Talk, url: string): Promise<CaughtUp | FailedCall> {
  const begun = await begin(talk, url)
  if (begun.kind !== 'done') return begun
  return { ...begun, warning: 'the Mac has fewer messages than were fetched: it begins again at the newest' }
}

interface Page {
  readonly kind: 'rows'
  readonly rows: readonly Row[]
  readonly date: number | undefined
}

async function query(talk: Talk, after: number, upTo?: number, sort = 'ASC'): Promise<Page | FailedCall> {
  const heard = await talk('POST', ['message', 'query'], {
    limit: PAGE,
    sort,
    with: ['chat', 'attachment'],
    where: [
      { statement: 'message.ROWID > :startRowId', args: { startRowId: after } },
      ...(upTo === undefined ? [] : [{ statement: 'message.ROWID <= :endRowId', args: { endRowId: upTo } }]),
    ],
  })
  const rows = heard.kind === 'done' ? ROWS.safeParse(heard.data).data : undefined
  if (rows !== undefined && heard.kind === 'done') return { kind: 'rows', rows, date: heard.date }
  return failed(heard)
}

function failed(heard: Heard): FailedCall {
  const outcome = outcomeOf(heard)
  return outcome.kind === 'done'
    ? { kind: 'unavailable', reason: 'carrier_error', detail: 'no list of messages' }
    : outcome
}

/** The range of row numbers that a page covers. */
interface Range {
  readonly url: string
  readonly from: number
  readonly to: number
  readonly more: boolean
}

async function take(talk: Talk, page: Page, { url, from, to, more }: Range, now: number): Promise<CaughtUp> {
  const clock = page.date ?? now
  const taken: ParsedInbound[] = []
  const refused: string[] = []
  let held = Number.POSITIVE_INFINITY
  for (const row of page.rows.filter(({ originalROWID }) => originalROWID > from)) {
    if (lacksConversation(row, clock)) {
      held = Math.min(held, row.originalROWID)
      continue
    }
    try {
      const parsed = await completed(talk, row)
      if (parsed.late && isFresh(row, clock)) held = Math.min(held, row.originalROWID)
      else taken.push(parsed)
    } catch (error) {
      refused.push(messageOf(error))
    }
  }
  const cursor = JSON.stringify({ url, row: Math.min(to, held - 1) })
  return {
    kind: 'done',
    messages: taken.flatMap(({ messages }) => messages),
    replies: taken.flatMap(({ replies = [] }) => replies),
    news: taken.flatMap(({ news = [] }) => news),
    refused,
    cursor,
    comeBackMs: held <= to ? COME_BACK_MS : more ? 0 : null,
    ...(page.date === undefined ? {} : { carrierNow: page.date }),
  }
}

/** With the attachments that were linked since, where it lacks them. */
async function completed(talk: Talk, row: Row): Promise<ParsedInbound> {
  const parsed = parseRow(row)
  const [message] = parsed.messages
  if (!parsed.late || message === undefined) return parsed
  const heard = await talk('GET', ['message', message.carrierMessageId], undefined, '&with=attachments')
  const again = heard.kind === 'done' ? NUMBERED.safeParse(heard.data).data : undefined
  return again === undefined ? parsed : parseRow({ ...row, text: again.text, attachments: again.attachments })
}

function lacksConversation(row: Row, clock: number): boolean {
  const { chats, isFromMe } = LINKS.safeParse(row).data ?? {}
  return isFromMe === false && chats?.length === 0 && isFresh(row, clock)
}

function isFresh(row: Row, clock: number): boolean {
  return clock - (LINKS.safeParse(row).data?.dateCreated ?? 0) < LINKED_WITHIN_MS
}
