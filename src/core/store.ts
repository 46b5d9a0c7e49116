import type { Account, AccountChange, ApiKey, Credentials } from './account.ts'
import type { EventLog } from './account-event.ts'
import type { AutoTiming } from './auto-timing.ts'
import type { Caller, Entry } from './caller.ts'
import type { Reply } from './connector.ts'
import type { ConsoleStore } from './console.ts'
import type { Handset } from './handset.ts'
import type { AccountId, ConversationId, LineId, ReceiptId } from './id.ts'
import type { Arrival, StoredInbound } from './inbound-message.ts'
import type { Leases, LineWork } from './leases.ts'
import type { Line, LineHealth, LineSettings } from './line.ts'
import type { MarkReadCall, MarkReadOutcome } from './mark-read.ts'
import type { MessageStore } from './message.ts'
import type { Hindrance, Overdue, OverdueCall } from './overdue.ts'
import type { PhoneNumber } from './phone-number.ts'
import type { Receipt, ReceiptFilter } from './receipt.ts'
import type { AgedCall } from './retention.ts'
import type { Claim, Setback, Settlement } from './send-receipt.ts'
import type { MessageOutbox, SendingStore } from './sending.ts'
import type { TokenStore } from './token.ts'
import type { TypingNote } from './typing.ts'
import type { Endpoint } from './webhook.ts'
import type { DeliveryOutbox, WebhookStore } from './webhook-store.ts'

/**
 * The port to what is remembered. Calls made at the same time share one transaction (group commit), and an answer means that
 * it is on the disk. Credentials, gate, plan and settings are read in the transaction that uses them; nothing of them is cached.
 * Every method may throw `ReadbackError('unavailable')` while the store is full, locked, read-only or absent: then nothing of
 * that call was written. Those that take credentials throw `unauthorized` or `forbidden` before anything else; a token that is
 * limited to lines is `forbidden` what concerns the whole account, and sees its lines alone where it is let in.
 */
export interface Store
  extends AccountStore,
    TokenStore,
    LineStore,
    MessageStore,
    ReceiptStore,
    SendingStore,
    Outbox,
    MessageOutbox,
    WebhookStore,
    DeliveryOutbox,
    EventLog,
    Handset,
    ConsoleStore {
  /** The clock of all who share the store, in epoch milliseconds. */
  now(): number
  /** Absent where one process has the store to itself, and with it every line. */
  readonly leases?: Leases
  /** Answers once the store can write. */
  ready(): Promise<void>
  /** The facts that decide whether 200 may be trusted, as the running writer reports them. */
  durability(): Promise<Readonly<Record<string, string | number>>>
  close(): Promise<void>
}

export interface AccountStore {
  createAccount(draft: Pick<Account, 'email' | 'plan' | 'readReceiptsEnabled'> & { at: number }): Promise<NewAccount>
  listAccounts(): Promise<Account[]>
  /** Throws `not_found`. */
  getAccount(id: AccountId): Promise<Account>
  /** Throws `not_found`. */
  updateAccount(change: { id: AccountId; change: AccountChange }): Promise<Account>
  /** Throws `not_found`. The secret is shown this once: what is kept is its hash. */
  createKey(key: { accountId: AccountId; at: number }): Promise<ApiKey>
  /** Throws `not_found`. From its answer on the key is refused everywhere, and so is every token and session made with it. */
  deleteKey(key: { accountId: AccountId; keyId: string }): Promise<void>
  /** The account behind the credentials. `gate` asks for the account gate too; `entry` is `account` where absent. */
  admit(call: { credentials: Credentials; gate: boolean; entry?: Entry }): Promise<Account>
  /** Who calls, whatever the credentials reach. */
  identify(call: { credentials: Credentials }): Promise<Caller>
  /** The account's own timing, or that of one of its lines, where null leaves it to the account's; throws `not_found`. */
  setAutoTiming(call: AutoTimingCall): Promise<void>
  /** Answers the value now in force; throws `forbidden` where the plan does not include it. */
  setAutoMarkRead(call: { credentials: Credentials; autoMarkRead: boolean }): Promise<boolean>
}

export type AutoTimingCall = { readonly credentials: Credentials } & (
  | { readonly timing: AutoTiming; readonly number?: undefined }
  | { readonly timing: AutoTiming | null; readonly number: PhoneNumber }
)

export interface NewAccount {
  readonly account: Account
  readonly credentials: ApiKey
}

export interface LineStore {
  /** UNKNOWN, and to be enrolled. Throws `not_found` for the account, `conflict` where a live line has the number. */
  createLine(draft: LineDraft): Promise<NewLine>
  listLines(): Promise<Line[]>
  /** The account's own, oldest first. */
  listOwnLines(call: { credentials: Credentials }): Promise<Line[]>
  /** By its id, by the number, or by the secret in its inbound URL; throws `not_found`. */
  getLine(by: { id: LineId } | { number: PhoneNumber } | { inboundSecret: string }): Promise<Line>
  /** The account's own line with that number; throws `not_found`, another account's line included. */
  getOwnLine(by: { credentials: Credentials; number: PhoneNumber }): Promise<Line>
  /** Throws `not_found`. */
  updateLine(change: {
    id: LineId
    settings?: LineSettings
    paused?: boolean
    autoTiming?: AutoTiming | null
  }): Promise<Line>
  /** Answers what it was before where that is something else, so that a change can be told once. */
  noteHealth(note: { id: LineId; health: LineHealth; at: number }): Promise<LineHealth | null>
  /**
   * How far the carrier's messages were fetched; what was fetched has to be stored before. Where it is not `since` any more, another
   * process has gone on meanwhile, and nothing changes.
   */
  noteCursor(note: { id: LineId; since: string | null; cursor: string }): Promise<void>
  /** Answers how many in a row are unverified now. */
  noteVerification(verification: Verification): Promise<number>
  /** The secret in the line's inbound URL; `renew` makes a new one, and the line has to be enrolled again. */
  inboundSecret(of: { id: LineId; renew: boolean }): Promise<string>
  /** Lines whose carrier has not yet been told where to call, or was told to call elsewhere; one of them where an id is given. */
  linesToEnrol(at: { inboundBase: string; id?: LineId }): Promise<LineToEnrol[]>
  /** False where the line is not any more as its carrier was told. */
  noteEnrolled(note: {
    id: LineId
    inboundSecret: string
    inboundBase: string
    settings: Line['settings']
  }): Promise<boolean>
  /** What waits to be tried again is due: it was about the carrier that the line had. */
  hastenTries(of: { id: LineId; at: number }): Promise<void>
  /** Whatever its carrier was told, it has to be told again. */
  enrolAgain(of: { id: LineId }): Promise<void>
  /**
   * Frees the number; from its answer on nothing is taken for the line. What waits for it is left to {@link endRemoved}. Throws
   * `not_found`, for all but one of those who ask together too.
   */
  removeLine(of: { id: LineId; at: number }): Promise<void>
  /**
   * Ends as `line_removed` what waits for lines that were removed, `limit` receipts or messages at the most; answers whether there may
   * be more. One whose call is under way is left to its lane.
   */
  endRemoved(piece: { limit: number; at: number }): Promise<boolean>
}

export interface LineToEnrol {
  readonly line: Line
  readonly inboundSecret: string
  /** Where its carrier was told to call before, without the secret. */
  readonly before: string | null
}

/** Whether what was sent was then seen to be read at the carrier. */
export interface Verification {
  readonly id: LineId
  readonly receiptIds: readonly ReceiptId[]
  readonly verifiedAt: number | null
}

export interface LineDraft {
  readonly accountId: AccountId
  readonly number: PhoneNumber
  readonly connector: string
  readonly settings: LineSettings
  readonly at: number
}

export interface NewLine {
  readonly line: Line
  readonly inboundSecret: string
}

interface ReceiptStore {
  /** Through the waist. Throws what `admitCaller`, `passAccountGate` and `passLine` throw. */
  markRead(call: MarkReadCall): Promise<MarkReadOutcome>
  /** One outcome for each arrival, in order; all in one transaction. Throws `not_found` where the line is gone. */
  storeInbound(arrivals: readonly Arrival[]): Promise<StoredInbound[]>
  /**
   * What waits in these conversations for a reply, or for its time, is due now, where the reply is younger than what it answers;
   * answers how many receipts that is.
   */
  noteReplies(call: { lineId: LineId; replies: readonly Reply[]; at: number }): Promise<number>
  /** Forgets what recognised inbound last seen before that time, `limit` at the most; answers how many it forgot. */
  forgetInbound(call: { before: number; limit: number }): Promise<number>
  /** Deletes what is older than that, a piece at a time; answers where to go on, null where no more is as old. */
  forgetOld(call: AgedCall): Promise<number | null>
  /** The account's own receipt; throws `not_found`. */
  getReceipt(by: { credentials: Credentials; id: ReceiptId }): Promise<Receipt>
  /** Newest first. */
  listReceipts(call: { credentials: Credentials; filter: ReceiptFilter }): Promise<Receipt[]>
}

/** The open receipts, as the dispatcher sees them: the table is the outbox. */
export interface Outbox {
  /** Lines with open receipts. */
  linesWithReceipts(): Promise<LineId[]>
  /** Takes up to `limit` conversations that are due, longest due first; expires those it finds too late. */
  claimReceipts(call: ClaimCall): Promise<Claimed>
  /** Writes down what a carrier call came to. */
  settleReceipts(settlement: Settlement | Setback): Promise<void>
  /**
   * Those of a line that wait and are too late, longest due first, a stretch of its lane at a time: a lane of a million comes round in
   * some minutes, and what a claim comes to meanwhile that expires. Those that wait for a reply are never too late.
   */
  findOverdue(call: OverdueCall): Promise<Overdue>
  /** Expires those of them that still are too late. */
  expireReceipts(call: Omit<ClaimCall, 'limit' | 'nextCallAt'> & { receiptIds: readonly ReceiptId[] }): Promise<void>
  /** Gives back what was claimed by a process that is no more. */
  releaseReceipts(call: { at: number }): Promise<void>
  /** Gives back what a lane claimed without hearing of it: all that is under way on its line but for what it carries. */
  releaseLost(call: { lineId: LineId; carried: readonly ConversationId[]; at: number }): Promise<void>
}

export interface ClaimCall extends Hindrance {
  readonly lineId: LineId
  readonly limit: number
  /** When the carrier may be called after this, by whoever looks after the line then. */
  readonly nextCallAt: number
  readonly at: number
}

export interface Claimed {
  /** Undefined once the line was removed, or where another process looks after it. */
  readonly line: Line | undefined
  readonly claims: readonly Claim[]
  /** When to come again for those that are not due yet; null when none waits. */
  readonly nextDueAt: number | null
}

/** What a commit left for others to do. */
export interface Changes {
  /** Those with new deliveries. */
  readonly endpoints: readonly Endpoint[]
  /** Whether there are new events. */
  readonly events: boolean
  /** Accounts of which a person who looks would see something change. */
  readonly touched: readonly AccountId[] | 'all'
  /** Lines on which another process saw something to do. */
  readonly lineIds?: Readonly<Partial<Record<LineWork, readonly LineId[]>>>
  /** What another process calls carriers for. */
  readonly typing?: readonly TypingNote[]
  /** Lines were given back: whoever has room may take them. */
  readonly freed?: boolean
  /** There may have been others that nobody heard of. */
  readonly missed?: boolean
}
