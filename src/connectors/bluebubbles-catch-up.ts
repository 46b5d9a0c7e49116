import { z } from 'zod'
import type { CaughtUp, FailedCall, ParsedInbound } from '../core/connector.ts'
import { messageOf } from '../core/errors.ts'
import { TOO_LARGE } from '../outgoing/http-call.ts'
import { parseRow } from './bluebubbles-inbound.ts'
import { type Heard, outcomeOf, type Settings, type Talk } from './bluebubbles-talk.ts'

/** Rows a call; a row with all that hangs on it has seldom more than 10 kB. */
const PAGE = 200
/** Where those are more than a Mac can answer in time, or than we read of an answer. */
const SMALL_PAGE = 10
/**
 * A row whose conversation or attachments are not linked yet is waited for this long, then taken as it is. Since it was first seen: what
 * a Mac gets late has the date when it was written, and a contact's clock may be ahead.
 */
const LINKED_WITHIN_MS = 30_000
const COME_BACK_MS = 2_000

const CURSOR = z.object({
  /** Where the Mac was. */
  url: z.string(),
  /** The highest row of its table of messages that was fetched. */
  row: z.int().nonnegative(),
  /** What is in that row, if anything: another Mac numbers its rows likewise. */
  message: z.string().optional(),
  /** How many rows to ask for, where {@link PAGE} was too many and there are more. */
  rows: z.int().positive().optional(),
  /** Rows that are waited for, and since when. */
  held: z.record(z.string(), z.number()).optional(),
})
type Cursor = z.infer<typeof CURSOR>

/** Whatever else it is, it is a row that has its number. */
const NUMBERED = z.looseObject({ originalROWID: z.int().positive(), guid: z.string().optional() })
type Row = z.infer<typeof NUMBERED>
const ROWS = z.array(NUMBERED)
const LINKS = z.object({
  chats: z.array(z.unknown()).optional(),
  isFromMe: z.boolean().optional(),
})

/** What is new since the cursor. Each call has a deadline of its own. */
export async function catchUp(
  talk: () => Talk,
  { url }: Settings,
  cursor: string | null,
  now: number,
): Promise<CaughtUp | FailedCall> {
  const from = cursor === null ? undefined : CURSOR.safeParse(JSON.parse(cursor)).data
  if (from === undefined) return begin(talk, url)
  // A Mac may have another address, and at another address another Mac.
  const known = from.url === url || (await knows(talk(), from))
  if (typeof known !== 'boolean') return known
  if (!known) return begin(talk, url)
  return orFewer(from.rows ?? PAGE, (rows) => goOn(talk, { ...from, url }, rows, now))
}

/** Whether it is the Mac that the cursor is from. */
async function knows(talk: Talk, { row, message }: Cursor): Promise<boolean | FailedCall> {
  const page = await query(talk, { after: row - 1, upTo: row, rows: 1 })
  return page.kind === 'rows' ? message !== undefined && page.rows[0]?.guid === message : page
}

async function orFewer<Answer extends object>(rows: number, ask: (rows: number) => Promise<Answer | FailedCall>) {
  const answer = await ask(rows)
  return rows > SMALL_PAGE && isTooMuch(answer) ? ask(SMALL_PAGE) : answer
}

function isTooMuch(answer: object): boolean {
  return ('reason' in answer && answer.reason === 'timeout') || ('detail' in answer && answer.detail === TOO_LARGE)
}

/**
 * Rows beyond the cursor, by their numbers: new rows have higher ones, whatever their date, so a range of numbers that exist is
 * complete in one page and nothing is missed between pages that shift.
 */
async function goOn(talk: () => Talk, from: Cursor, rows: number, now: number): Promise<CaughtUp | FailedCall> {
  // The row of the cursor comes again: where not even that is there, the table is another one.
  const first = await query(talk(), { after: from.row - 1, rows })
  if (first.kind !== 'rows') return first
  if (first.rows.length === 0 && from.row > 0) return beginAgain(talk, from)
  if (isAnother(first, from)) return beginElsewhere(talk, from)
  if (first.rows.length < rows) {
    const last = Math.max(from.row, ...first.rows.map(({ originalROWID }) => originalROWID))
    return take(talk(), first, { from, to: last, rows, more: false }, now)
  }
  // No higher than the highest row there is: what gets the number of the cursor is never asked for again.
  const to = from.row + rows - 1
  const range = await query(talk(), { after: from.row - 1, upTo: to, rows })
  if (range.kind !== 'rows') return range
  if (isAnother(range, from)) return beginElsewhere(talk, from)
  return take(talk(), range, { from, to, rows, more: true }, now)
}

/** Whether the row of the cursor is another message by now: a Mac in the place of another one, or one that has begun anew. */
function isAnother({ rows }: Page, { row, message }: Cursor): boolean {
  const there = rows.find(({ originalROWID }) => originalROWID === row)?.guid
  return message !== undefined && there !== undefined && there !== message
}

/** All that it has from before would come as if it were new. */
async function beginElsewhere(talk: () => Talk, { url }: Cursor): Promise<CaughtUp | FailedCall> {
  const begun = await begin(talk, url)
  if (begun.kind !== 'done') return begun
  return { ...begun, warning: 'the Mac has other messages than were fetched: it begins again at the newest' }
}

/** Behind the highest number there is. The newest by date need not have it, so it is asked until nothing is higher. */
async function begin(talk: () => Talk, url: string): Promise<CaughtUp | FailedCall> {
  for (let row = 0, newest: Row | undefined; ; row = newest.originalROWID) {
    const page = await orFewer(PAGE, (rows) => query(talk(), { after: row, rows, sort: 'DESC' }))
    if (page.kind !== 'rows') return page
    if (page.rows.length === 0) {
      const cursor = JSON.stringify({ url, row, ...(newest && contentOf(newest)) } satisfies Cursor)
      return { kind: 'done', messages: [], replies: [], news: [], refused: [], cursor, comeBackMs: null }
    }
    newest = page.rows.reduce((one, other) => (other.originalROWID > one.originalROWID ? other : one))
  }
}

/** A Mac that shows nothing at all has most likely lost its messages for a moment: they would all come as if they were new. */
async function beginAgain(talk: () => Talk, from: Cursor): Promise<CaughtUp | FailedCall> {
  const begun = await begin(talk, from.url)
  if (begun.kind !== 'done') return begun
  const { row } = CURSOR.parse(JSON.parse(begun.cursor))
  if (row === 0) {
    return { kind: 'unavailable', reason: 'carrier_error', detail: 'the Mac shows no messages, where there were some' }
  }
  // The last was deleted, and others were written since it was looked for.
  if (row >= from.row) return { ...begun, cursor: JSON.stringify(from), comeBackMs: COME_BACK_MS }
  return { ...begun, warning: 'the Mac has fewer messages than were fetched: it begins again at the newest' }
}

interface Page {
  readonly kind: 'rows'
  readonly rows: readonly Row[]
  readonly date: number | undefined
}

interface Query {
  readonly after: number
  readonly upTo?: number
  readonly rows: number
  readonly sort?: 'ASC' | 'DESC'
}

async function query(talk: Talk, { after, upTo, rows: limit, sort = 'ASC' }: Query): Promise<Page | FailedCall> {
  const heard = await talk('POST', ['message', 'query'], {
    limit,
    sort,
    with: ['chat', 'attachment'],
    where: [
      { statement: 'message.ROWID > :startRowId', args: { startRowId: after } },
      ...(upTo === undefined ? [] : [{ statement: 'message.ROWID <= :endRowId', args: { endRowId: upTo } }]),
    ],
  })
  const rows = heard.kind === 'done' ? ROWS.safeParse(heard.data).data : undefined
  // Whoever answers each question alike would be asked without end.
  const asked = rows?.every(({ originalROWID: row }) => row > after && row <= (upTo ?? Number.POSITIVE_INFINITY))
  if (rows !== undefined && asked && heard.kind === 'done') return { kind: 'rows', rows, date: heard.date }
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
  readonly from: Cursor
  readonly to: number
  /** As many at the most. */
  readonly rows: number
  readonly more: boolean
}

async function take(talk: Talk, page: Page, { from, to, rows, more }: Range, now: number): Promise<CaughtUp> {
  const taken: ParsedInbound[] = []
  const refused: string[] = []
  const waiting: Record<string, number> = {}
  for (const row of page.rows.filter(({ originalROWID }) => originalROWID > from.row)) {
    const since = from.held?.[row.originalROWID] ?? now
    // Either way: where the clock was set back meanwhile, it would be waited for as much longer.
    const patient = Math.abs(now - since) < LINKED_WITHIN_MS
    try {
      const parsed = patient && lacksConversation(row) ? undefined : await completed(talk, row)
      if (parsed === undefined || (parsed.late && patient)) waiting[row.originalROWID] = since
      else taken.push(parsed)
    } catch (error) {
      refused.push(messageOf(error))
    }
  }
  const held = Math.min(...Object.keys(waiting).map(Number))
  const cursor = JSON.stringify({
    url: from.url,
    ...placeBefore(held, page, { from, to }),
    ...(more && rows < PAGE ? { rows } : {}),
    ...(held <= to ? { held: waiting } : {}),
  } satisfies Cursor)
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

/** At a row that is there, unless there is none for a whole page: by a number alone its Mac would not be known at another address. */
function placeBefore(held: number, { rows }: Page, { from, to }: Pick<Range, 'from' | 'to'>): Omit<Cursor, 'url'> {
  const before = rows.filter(({ originalROWID: row }) => row >= from.row && row < held)
  const row = Math.max(from.row, ...before.map(({ originalROWID }) => originalROWID))
  if (row === from.row && to > row && held > to) return { row: to }
  const there = before.find(({ originalROWID }) => originalROWID === row)
  return { row, ...contentOf(there ?? { originalROWID: row, guid: from.message }) }
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

function contentOf(row: Row | undefined): Pick<Cursor, 'message'> {
  return row?.guid === undefined ? {} : { message: row.guid }
}

function lacksConversation(row: Row): boolean {
  const { chats, isFromMe } = LINKS.safeParse(row).data ?? {}
  return isFromMe === false && chats?.length === 0
}
