import { z } from 'zod'
import type { EnrolOutcome, ReceiptOutcome } from '../core/connector.ts'
import type { HttpAnswer, HttpCall, HttpCaller, NoAnswer } from '../outgoing/http-call.ts'
import { excerpt, REFUSED_UNREAD, tryLater, type Unsaid } from './carrier-call.ts'

export const SETTINGS = z.object({ url: z.string(), password: z.string() })
export type Settings = z.infer<typeof SETTINGS>

/** One call to the server. Those of one talk share a deadline: many take no longer than one. */
export type Talk = (
  method: HttpCall['method'],
  path: readonly string[],
  body?: unknown,
  query?: string,
) => Promise<Heard>

type Rejected = Extract<ReceiptOutcome, { kind: 'rejected' }>
export type Heard =
  | { readonly kind: 'done'; readonly data: unknown; readonly date: number | undefined }
  /** BlueBubbles is there, but not what was asked for. */
  | { readonly kind: 'absent'; readonly detail: string }
  | Rejected
  /** `own`: BlueBubbles itself says so, and nobody who stands before a Mac that is away. */
  | (NoAnswer & { readonly own?: boolean })

/** `unsaid` besides the password, which is so always. */
export function talkTo(
  caller: HttpCaller,
  { url, password }: Settings,
  unsaid: Unsaid = [],
  deadline = caller.deadline(),
): Talk {
  return async (method, path, body, query = '') => {
    const route = path.map(encode).join('/')
    const answer = await caller.call({
      method,
      url: `${url}/api/v1/${route}?password=${encode(password)}${query}`,
      ...(body === undefined ? {} : { body }),
      deadline,
    })
    return answer.kind === 'answer' ? sortAnswer(answer, unsaid === 'all' ? unsaid : [password, ...unsaid]) : answer
  }
}

/**
 * A Mac says at once whether a conversation still has its id, or it may never say: it is given so long, beyond the read where that goes
 * beside, or all receipts of its line would wait a whole timeout each.
 */
export const SAID_WITHIN_MS = 1_000

/** With one deadline; the hasty one's calls end with `enough`, too. */
export function talkTwice(caller: HttpCaller, settings: Settings, unsaid: Unsaid = []) {
  const deadline = caller.deadline()
  const sooner = new AbortController()
  return {
    talk: talkTo(caller, settings, unsaid, deadline),
    hasty: talkTo(caller, settings, unsaid, AbortSignal.any([deadline, sooner.signal])),
    enough: () => sooner.abort(),
  }
}

/** Half a surrogate pair, as JSON can bring one, would throw. */
function encode(word: string): string {
  return encodeURIComponent(word.toWellFormed())
}

export function outcomeOf(heard: Heard): EnrolOutcome {
  if (heard.kind === 'done') return { kind: 'done' }
  return heard.kind === 'absent' ? { kind: 'rejected', reason: 'rejected', detail: heard.detail } : heard
}

const FAILED_ROW = z.object({ error: z.int().positive() })

/** What every answer of BlueBubbles' own looks like. */
const REPLY = z.object({
  status: z.number(),
  message: z.string().optional(),
  error: z.object({ message: z.string() }).optional().catch(undefined),
  data: z.unknown().optional(),
})

function sortAnswer(answer: HttpAnswer, unsaid: Unsaid): Heard {
  const { status, body, date } = answer
  const reply = REPLY.safeParse(body).data
  if (status === 200 && reply?.status === 200) return { kind: 'done', data: reply.data, date }
  const detail = `${status} ${excerpt(reply?.error?.message ?? reply?.message ?? '', unsaid)}`.trim()
  // In words that are not its own it is a proxy before it that lets nobody in: the password may be right.
  if (reply !== undefined && (status === 401 || status === 403))
    return { kind: 'rejected', reason: 'wrong_password', detail }
  // Messages tried, and could not: its row says so.
  if (status >= 500 && FAILED_ROW.safeParse(reply?.data).success)
    return { kind: 'rejected', reason: 'rejected', detail }
  // `imessage-rs` has the same words in smaller letters.
  const complaint = (status >= 500 && reply?.error?.message.toLowerCase()) || ''
  if (complaint.includes('private api is not enabled'))
    return { ...tryLater(answer, detail, 'private_api_off'), mayHaveArrived: false }
  if (complaint.includes('helper is not connected'))
    return { ...tryLater(answer, detail, 'helper_disconnected'), mayHaveArrived: false }
  // `imessage-rs` answers so, and says no more, where it has only some of a route's methods.
  if (status === 405) return { kind: 'absent', detail }
  // A 404 in plain text is a route that BlueBubbles does not have, or not BlueBubbles at all.
  const final = status >= 400 && status < 500 && ![408, 429].includes(status) && reply !== undefined
  const mayHaveArrived = !REFUSED_UNREAD.includes(status)
  if (!final) return { ...tryLater(answer, detail), mayHaveArrived, own: mayHaveArrived && reply !== undefined }
  return status === 404 ? { kind: 'absent', detail } : { kind: 'rejected', reason: 'rejected', detail }
}
