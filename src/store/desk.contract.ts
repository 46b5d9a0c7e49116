import type { ApiKey } from '../core/account.ts'
import type { LineId, ReceiptId } from '../core/id.ts'
import type { InboundMessage } from '../core/inbound-message.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import type { Receipt } from '../core/receipt.ts'
import { type Claim, setBack, settle } from '../core/send-receipt.ts'
import type { Store } from '../core/store.ts'
import type { StoreOptions } from './context.ts'
import { openStore } from './open.ts'

/** What a line writes. */
export const WORDS = {
  content: 'Hello',
  mediaUrl: null,
  sendStyle: null,
  statusCallback: null,
  relayed: false,
} as const

/** Where a store of its own can be kept. */
export interface Place extends AsyncDisposable {
  readonly url: string
}

export const LINE = '+19175551234' as PhoneNumber
export const LIFETIME_MS = 1_000
export const RULES = {
  auto: { plans: ['free_api'], maxAgeMs: 60_000 },
  receiptLifetimeMs: LIFETIME_MS,
  receipts: { simulator: { iMessage: 'conversation', RCS: 'message' }, mute: {} },
  messageLifetimeMs: LIFETIME_MS,
  writing: { simulator: { messages: { iMessage: { media: false, styles: false } }, typing: false } },
  relays: [],
} as const

export function open(
  { url }: Place,
  opened: Partial<Pick<StoreOptions, 'secretKey' | 'onChanges'>> = {},
): Promise<Store> {
  return openStore({
    url,
    poolSize: 4,
    leaseMs: 30_000,
    secretKey: '0'.repeat(64),
    rules: RULES,
    onChanges() {},
    ...opened,
    onNotice() {},
    onDeath(error) {
      throw error
    },
  })
}

/** An account with a line in a store, and what is asked of it. */
export interface Desk {
  readonly store: Store
  readonly credentials: ApiKey
  readonly lineId: LineId
  request(contact: Address, at: number): Promise<ReceiptId>
  /** On the desk's own line where none is named. */
  receive(
    contact: Address,
    at: number,
    change?: Partial<InboundMessage>,
    lineId?: LineId,
  ): ReturnType<Store['storeInbound']>
  claim(at: number, limit?: number): ReturnType<Store['claimReceipts']>
  claimMessage(at: number): ReturnType<Store['claimMessage']>
  receipt(id: ReceiptId): Promise<Receipt>
}

/** The only one in a store of its own. */
export async function desk(place: Place): Promise<Desk & AsyncDisposable> {
  const store = await open(place)
  return { ...(await deskAt(store, LINE)), [Symbol.asyncDispose]: () => store.close() }
}

export async function deskAt(store: Store, fromNumber: PhoneNumber): Promise<Desk> {
  const draft = { email: 'ada@example.com', plan: 'free_api', readReceiptsEnabled: true, at: 0 }
  const { account, credentials } = await store.createAccount(draft)
  const { line } = await store.createLine({
    accountId: account.id,
    number: fromNumber,
    connector: 'simulator',
    settings: { password: 'hidden' },
    at: 0,
  })
  await store.leases?.hold({ wanted: [line.id] })
  let written = 0
  return {
    store,
    credentials,
    lineId: line.id,
    async request(number, at) {
      return (await store.markRead({ credentials, number, fromNumber, trigger: 'api', relayed: false, at })).receiptId
    },
    receive(contact, at, change, lineId = line.id) {
      written += 1
      return store.storeInbound([
        {
          lineId,
          message: { ...messageOf(contact, `message ${written}`, at), ...change },
          receivedAt: at,
          carrierNow: at,
        },
      ])
    },
    claim: (at, limit = 100) =>
      store.claimReceipts({ lineId: line.id, limit, obstacle: 'pace', servedFrom: 0, nextCallAt: at, at }),
    claimMessage: (at) =>
      store.claimMessage({ lineId: line.id, ready: true, obstacle: 'pace', servedFrom: 0, nextCallAt: at, at }),
    receipt: (id) => store.getReceipt({ credentials, id }),
  }
}

export function messageOf(contact: Address, carrierMessageId: string, sentAt: number): InboundMessage {
  return {
    carrierMessageId,
    service: 'iMessage',
    contact,
    kind: 'direct',
    conversationAddress: contact,
    carrierConversation: `chat of ${contact}`,
    reaction: false,
    parts: [{ content: 'Hello', mediaUrl: null }],
    sentAt,
  }
}

export const contactOf = (n: number) => `+1415555${String(1_000 + n)}` as Address
export const done = (claim: Claim, at: number) => settle(claim, { kind: 'done' }, at, 1)
export const away = (claim: Claim, at: number) =>
  setBack(
    claim,
    { kind: 'unavailable', reason: 'unreachable' },
    { lastDoneAt: Number.NEGATIVE_INFINITY, nextAttemptAt: at + 10 },
    at,
  )

export async function claimedContacts(d: Desk, at: number, limit?: number): Promise<Address[]> {
  return (await d.claim(at, limit)).claims.map(({ conversation }) => conversation.address)
}
