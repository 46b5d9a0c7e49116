import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Account, ApiKey } from './core/account.ts'
import type { Connector } from './core/connector.ts'
import type { Service } from './core/conversation.ts'
import type { HandsetDraft } from './core/handset.ts'
import type { Line } from './core/line.ts'
import type { Address, PhoneNumber } from './core/phone-number.ts'
import { receiveInbound } from './core/receive-inbound.ts'
import type { NewAccount, Store } from './core/store.ts'

/** The page's own examples. */
const LINE = '+19175551234' as PhoneNumber
const EMAIL = 'demo@example.com'
const CONTACT = '+14155551234' as Address

export interface Demo {
  readonly store: Store
  readonly simulator: Connector
  readonly dataDir: string
  readonly now: () => number
}

/** Who else has written to the line, the newest last; all of them documentation numbers. */
const OTHERS: readonly Writing[] = [
  { contact: '+14155550134', minutesAgo: 190, service: 'SMS', texts: ['Is the shop open on Sunday?'] },
  { contact: '+14155550128', minutesAgo: 75, service: 'RCS', texts: ['Hello!', 'Can I still change my order?'] },
  { contact: '+14155550107', minutesAgo: 32, group: 'book-club', texts: ['Who has the room on Thursday?'] },
  { contact: '+14155550119', minutesAgo: 31, group: 'book-club', texts: ['I do. Seven as always?'] },
  { contact: '+14155550119', minutesAgo: 9, texts: ['One more thing…', 'Is there parking near you?'] },
]

interface Writing {
  readonly contact: string
  readonly minutesAgo: number
  readonly service?: Service
  readonly group?: string
  readonly texts: readonly string[]
}

export interface ReadyDemo {
  /** The file that holds its key. */
  readonly file: string
  readonly key: ApiKey
  /** Whether this start made it: its contact wrote a moment ago. */
  readonly isNew: boolean
}

/**
 * `READBACK_DEMO`: an account with keys, a simulated line, and a contact who has just written; some others wrote
 * before. Only in a store that holds nothing, or what a start that was killed had made of it; where an earlier start
 * made it, its keys are found again.
 */
export async function prepareDemo(demo: Demo): Promise<ReadyDemo | undefined> {
  const { store, simulator, dataDir, now } = demo
  const file = join(dataDir, 'demo.env')
  const unfinished = await findUnfinished(demo, file)
  const known = await findKey(store, file)
  if (unfinished === undefined) return known && { file, key: known, isNew: false }
  const at = now()
  const { account, credentials: key } = await openAccount(store, unfinished.account, known, at)
  const settings = simulator.parseSettings({})
  const draft = { accountId: account.id, number: LINE, connector: simulator.name, settings, at }
  const line = unfinished.line ?? (await store.createLine(draft)).line
  writeFileSync(file, `SB_API_KEY_ID=${key.keyId}\nSB_API_SECRET_KEY=${key.secret}\n`, { mode: 0o600 })
  await writeAll(demo, line, at)
  return { file, key, isNew: true }
}

interface Unfinished {
  readonly account?: Account
  readonly line?: Line
}

/** What there is of it so far; undefined where all of it is there, or something else. */
async function findUnfinished({ store, simulator }: Demo, file: string): Promise<Unfinished | undefined> {
  const [account, ...others] = await store.listAccounts()
  if (account === undefined) return {}
  const [line, ...otherLines] = await store.listLines()
  if (account.email !== EMAIL || others.length > 0 || otherLines.length > 0) return undefined
  // The file is made once there is a line: somebody has removed it.
  if (line === undefined) return existsSync(file) ? undefined : { account }
  if (line.number !== LINE || line.connector !== simulator.name) return undefined
  const shown = await store.showPhone({ lineId: line.id, contact: CONTACT })
  return shown.length > 0 ? undefined : { account, line }
}

async function openAccount(
  store: Store,
  account: Account | undefined,
  known: ApiKey | undefined,
  at: number,
): Promise<NewAccount> {
  const draft = { email: EMAIL, plan: 'free_api', readReceiptsEnabled: true, at }
  if (account === undefined) return store.createAccount(draft)
  return { account, credentials: known ?? (await store.createKey({ accountId: account.id, at })) }
}

/** What the contact has just written comes last: it tells that there is no more to do. */
async function writeAll({ store, simulator }: Demo, line: Line, at: number): Promise<void> {
  for (const [index, writing] of OTHERS.entries()) {
    for (const [turn, text] of writing.texts.entries()) {
      const writtenAt = at - writing.minutesAgo * 60_000 + turn * 15_000
      const draft = draftOf({ ...writing, text, id: `demo-${index}-${turn}`, writtenAt })
      await arrive(store, simulator, line, draft)
    }
  }
  const last = { contact: CONTACT, text: 'Hi! Did you get my message?', id: 'demo', writtenAt: at }
  await arrive(store, simulator, line, draftOf(last))
}

type Draft = Omit<HandsetDraft, 'lineId'>
type Written = Omit<Writing, 'minutesAgo' | 'texts'> & { text: string; id: string; writtenAt: number }

function draftOf({ contact, group, service = 'iMessage', text, id, writtenAt }: Written): Draft {
  return {
    contact: contact as Address,
    kind: group === undefined ? 'direct' : 'group',
    conversationAddress: (group ?? contact) as Address,
    carrierMessageId: id,
    service,
    parts: [{ content: text, mediaUrl: null }],
    writtenAt,
  }
}

async function arrive(store: Store, simulator: Connector, line: Line, draft: Draft): Promise<void> {
  const { messages } = simulator.line(line).parseInbound({ headers: {}, body: draft })
  const at = draft.writtenAt
  await receiveInbound(
    store,
    () => {},
    messages.map((message) => ({ lineId: line.id, message, receivedAt: at, carrierNow: at })),
  )
  // Where a start is killed between the two, the next one finds it on no phone, and brings it again.
  await store.writeOnPhone({ ...draft, lineId: line.id })
}

/** What the start prints: the link signs in once, nothing else in it is secret, and each command works as pasted. */
export function demoText(base: string, { file, isNew }: ReadyDemo, linkToken: string): string {
  const headers = `-H "sb-api-key-id: $SB_API_KEY_ID" -H "sb-api-secret-key: $SB_API_SECRET_KEY"`
  const keys = forShell(file)
  const post = (path: string, body: Readonly<Record<string, string>>) => `. ${keys} && curl -sS ${base}${path} \\
      ${headers} \\
      -H 'content-type: application/json' -d '${JSON.stringify(body)}'`
  const query = `number=${encodeURIComponent(CONTACT)}&from_number=${encodeURIComponent(LINE)}`
  const written = isNew
    ? `A contact, ${CONTACT}, has just written to your line ${LINE}.`
    : `A contact, ${CONTACT}, wrote to your line ${LINE} at an earlier start. Have them write again, from this folder:

    ${post('/simulator/messages', { number: CONTACT, to_number: LINE, content: 'Are you there?' })}
`
  return `
  Look at it in a browser (this link signs you in once, within an hour):

    ${base}/#sign-in=${linkToken}

  ${written}
  Their phone now shows the message as "Delivered". Mark it as read, from this folder:

    ${post('/api/mark-read', { number: CONTACT, from_number: LINE })}

  Their phone then shows "Read" (read_at):

    . ${keys} && curl -sS '${base}/simulator/handset?${query}' \\
      ${headers}

  The keys are kept in ${file}.
`
}

/** With blanks and all; and a name without a folder would be looked for along PATH. */
function forShell(path: string): string {
  const found = path.includes('/') ? path : `./${path}`
  return /^[\w./-]+$/.test(found) ? found : `'${found.replaceAll("'", "'\\''")}'`
}

/** Undefined where there is no such file, or what it holds lets nobody in. */
async function findKey(store: Store, file: string): Promise<ApiKey | undefined> {
  try {
    const key = readKey(file)
    await store.admit({ credentials: key, gate: false })
    return key
  } catch {
    return undefined
  }
}

function readKey(file: string): ApiKey {
  const values = readFileSync(file, 'utf8').matchAll(/^SB_API_\w+=(.*)$/gm)
  const [keyId = '', secret = ''] = Array.from(values, ([, value]) => value)
  return { keyId, secret }
}
