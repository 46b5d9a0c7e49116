import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ConnectedLine, Connector, EnrolOutcome, InboundHook, ReceiptCall } from '../core/connector.ts'
import { type Conversation, SERVICES, type Service } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { LineId, MessageId } from '../core/id.ts'
import { type PhoneNumber, parseAddress } from '../core/phone-number.ts'
import { REASONS } from '../core/reason.ts'
import type { MessageCall } from '../core/sending.ts'

/** A connector with a carrier behind it, as the contract needs them. */
export interface Subject extends AsyncDisposable {
  readonly connector: Connector
  readonly lineId: LineId
  /** Where the carrier knows the line by it. */
  readonly number?: PhoneNumber
  readonly settings: Readonly<Record<string, unknown>>
  /** What in the settings may never be told. */
  readonly secrets: readonly string[]
  /** Each with the name of the setting that is wrong. */
  readonly refusedSettings: readonly (readonly [string, Readonly<Record<string, unknown>>])[]
  /** The call that the carrier makes when a contact writes in a direct conversation. */
  readonly hook: InboundHook
  /** A direct conversation that the carrier knows, where the contact has just written. */
  converse(service: Service): Promise<Conversation>
  /** Whether the other end shows it as read. */
  isRead(conversation: Conversation): Promise<boolean>
  /** The texts of the line's that the contact has; where it can write. */
  received?(conversation: Conversation): Promise<readonly string[]>
  /** Takes the carrier away, or brings it back. */
  setAway(away: boolean): Promise<void>
}

const LINE = '+19175551234' as PhoneNumber

/** What every connector keeps to, whatever its carrier. */
export function describeConnector(name: string, start: () => Promise<Subject>): void {
  const lineOf = ({ connector, lineId, number = LINE, settings }: Subject): ConnectedLine => ({
    id: lineId,
    number,
    settings: connector.parseSettings(settings),
  })

  describe(`the connector ${name}`, () => {
    test('has the name it is known by, and declares services that there are', async () => {
      await using subject = await start()
      assert.equal(subject.connector.name, name)
      const declared = Object.entries(subject.connector.receipts)
      assert.ok(declared.length > 0)
      for (const [service, scope] of declared) {
        assert.ok((SERVICES as readonly string[]).includes(service))
        assert.ok(scope === 'conversation' || scope === 'message')
      }
    })

    test('declares each of its settings, and refuses to go without those that are not optional', async () => {
      await using subject = await start()
      const { connector, settings } = subject
      for (const name of Object.keys(settings)) assert.ok(Object.hasOwn(connector.settings, name), name)
      for (const [name, { optional }] of Object.entries(connector.settings)) {
        if (optional) continue
        const { [name]: _, ...others } = settings
        assert.throws(() => connector.parseSettings(others), new RegExp(name))
      }
    })

    test('parses settings into what survives being kept as JSON, and refuses bad ones by name, without secrets', async () => {
      await using subject = await start()
      const settings = subject.connector.parseSettings(subject.settings)
      assert.deepEqual(JSON.parse(JSON.stringify(settings)), settings)
      for (const [setting, refused] of subject.refusedSettings) {
        assert.throws(
          () => subject.connector.parseSettings(refused),
          (error: unknown) => {
            assert.ok(error instanceof ReadbackError)
            assert.equal(error.code, 'invalid')
            assert.ok(error.message.includes(setting), `${error.message} names ${setting}`)
            return !subject.secrets.some((secret) => error.message.includes(secret))
          },
        )
      }
    })

    test('parses what its carrier brings, twice alike, and touches nothing', async () => {
      await using subject = await start()
      const line = subject.connector.line(lineOf(subject))
      const { messages, dropped } = line.parseInbound(subject.hook)
      assert.equal(dropped, undefined)
      assert.equal(messages.length, 1)
      const [message] = messages
      assert.ok(message !== undefined && message.carrierMessageId !== '' && message.parts.length > 0)
      assert.equal(parseAddress(message.contact), message.contact)
      assert.deepEqual([message.kind, message.conversationAddress], ['direct', message.contact])
      assert.ok(message.sentAt > 0 && Number.isInteger(message.sentAt))
      assert.deepEqual(line.parseInbound(subject.hook), { messages })
    })

    test('refuses what is none of its carrier’s calls, and nothing else comes of it', async (t) => {
      await using subject = await start()
      const line = subject.connector.line(lineOf(subject))
      const seed = Date.now() & 0x7fffffff
      t.diagnostic(`seed ${seed}`)
      const bent = fc
        .tuple(fc.constantFrom(...pathsIn(subject.hook.body)), fc.jsonValue())
        .map(([path, value]) => withValueAt(subject.hook.body, path, value))
      const property = fc.property(fc.oneof(fc.jsonValue(), bent), (body) => {
        try {
          line.parseInbound({ headers: subject.hook.headers, body })
        } catch (error) {
          assert.ok(error instanceof ReadbackError, String(error))
        }
      })
      fc.assert(property, { seed, numRuns: 1_000 })
    })

    for (const service of SERVICES) {
      test(`sends what it declares for ${service}, and the other end shows it, once or twice`, async () => {
        await using subject = await start()
        if (subject.connector.receipts[service] === undefined) return
        const line = subject.connector.line(lineOf(subject))
        const conversation = await subject.converse(service)
        assert.equal(await subject.isRead(conversation), false)
        assert.deepEqual(await line.sendReceipt(callFor(conversation)), { kind: 'done' })
        assert.equal(await subject.isRead(conversation), true)
        assert.deepEqual(await line.sendReceipt(callFor(conversation)), { kind: 'done' })
      })
    }

    for (const service of SERVICES) {
      test(`writes where it declares ${service}, once for each call, and not while its carrier is away`, async () => {
        await using subject = await start()
        const line = subject.connector.line(lineOf(subject))
        const able = subject.connector.writing?.messages[service] !== undefined
        assert.equal(line.sendMessage !== undefined, subject.connector.writing !== undefined)
        if (!able || line.sendMessage === undefined || subject.received === undefined) return
        const conversation = await subject.converse(service)
        const sent = await line.sendMessage(messageFor(conversation, 'One'), () => true)
        assert.ok(sent.kind === 'sent' && sent.carrierMessageId !== '')
        assert.deepEqual(await subject.received(conversation), ['One'])
        await subject.setAway(true)
        const outcome = await line.sendMessage(messageFor(conversation, 'Two'), () => true)
        assert.ok(outcome.kind === 'unavailable' || outcome.kind === 'unknown', outcome.kind)
        assert.ok(!subject.secrets.some((secret) => JSON.stringify(outcome).includes(secret)))
        await subject.setAway(false)
        await line.sendMessage(messageFor(conversation, 'Three'), () => true)
        assert.deepEqual(await subject.received(conversation), ['One', 'Three'])
      })
    }

    test('shows that the line types where it declares so, and says where its carrier is away', async () => {
      await using subject = await start()
      const line = subject.connector.line(lineOf(subject))
      assert.equal(line.sendTyping !== undefined, subject.connector.writing?.typing ?? false)
      if (line.sendTyping === undefined) return
      const conversation = await subject.converse('iMessage')
      for (const typing of [true, false]) {
        assert.deepEqual(await line.sendTyping({ conversation, typing }), { kind: 'done' })
      }
      await subject.setAway(true)
      assert.equal((await line.sendTyping({ conversation, typing: true })).kind, 'unavailable')
    })

    test('tells of a carrier that is away, with a reason, and sends when it is back', async () => {
      await using subject = await start()
      const line = subject.connector.line(lineOf(subject))
      const [service] = Object.keys(subject.connector.receipts) as [Service]
      const conversation = await subject.converse(service)
      await subject.setAway(true)
      const outcome = await line.sendReceipt(callFor(conversation))
      assert.equal(outcome.kind, 'unavailable')
      assert.ok(outcome.kind === 'unavailable' && Object.hasOwn(REASONS, outcome.reason))
      assert.ok(!subject.secrets.some((secret) => JSON.stringify(outcome).includes(secret)))
      assert.equal((await line.probe?.())?.status ?? 'OFFLINE', 'OFFLINE')
      await subject.setAway(false)
      assert.equal(await subject.isRead(conversation), false)
      assert.deepEqual(await line.sendReceipt(callFor(conversation)), { kind: 'done' })
      assert.equal((await line.probe?.())?.status ?? 'ONLINE', 'ONLINE')
    })

    test('is enrolled twice as well as once', async () => {
      await using subject = await start()
      const line = subject.connector.line(lineOf(subject))
      for (const told of ['now', 'before'] as const) {
        const done: EnrolOutcome = { kind: 'done', told }
        const outcome = (await line.enrol?.('http://127.0.0.1:9/readback/v1/inbound/secret', null)) ?? done
        assert.deepEqual(outcome, done)
      }
    })

    test('says how much of its carrier a lane may take', async () => {
      await using subject = await start()
      const { callsPerSecond, concurrency } = await subject.connector.line(lineOf(subject)).pace()
      assert.ok(callsPerSecond > 0 && concurrency >= 1)
    })
  })
}

/** As the store makes it where one message is unread. */
function callFor(conversation: Conversation): ReceiptCall {
  return { conversation, carrierMessageIds: ['the newest message'], begun: false }
}

function messageFor(conversation: Conversation, content: string): MessageCall {
  const { service } = conversation
  const rest = { service: service ?? 'iMessage', mediaUrl: null, sendStyle: null, attempts: 0 }
  return { id: 7 as MessageId, conversation, content, ...rest }
}

type Path = readonly string[]

/** Every place in a JSON value, the places on the way included. */
function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, [...path, key]))]
}

function withValueAt(whole: unknown, [key, ...rest]: Path, value: unknown): unknown {
  if (key === undefined) return value
  const entries = Object.entries(whole as object)
  const changed = entries.map(([name, inner]) => [name, name === key ? withValueAt(inner, rest, value) : inner])
  return Array.isArray(whole) ? changed.map(([, inner]) => inner) : Object.fromEntries(changed)
}
