import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import fixture from './fixtures/bluebubbles/macos15-webhooks.json' with { type: 'json' }
import { eventOf, startBlueBubbles } from './support/bluebubbles.ts'
import { askedFor, connect } from './support/mac-line.ts'
import { contactOf, from, type Row } from './support/mac-messages.ts'
import { startReadback } from './support/readback.ts'
import { seeded } from './support/seeded.ts'
import { shareReadback } from './support/shared.ts'
import { stored, storedOnce } from './support/stored.ts'
import { until } from './support/until.ts'

/** Looks often, so that nobody waits for it. */
const OFTEN = { READBACK_CATCH_UP_INTERVAL_S: '0.1', LOG_LEVEL: 'info' }

/** For all tests here that need no other, each of them with a line of its own. */
const server = shareReadback(OFTEN)

describe('catching up with a Mac', () => {
  test('stores and marks what no webhook brought, and no history', async () => {
    await using mac = await startBlueBubbles()
    for (const age of [9_000, 1_000, 5_000]) mac.messages.write({ dateCreated: Date.now() - age })
    const { line } = await connect(server, mac, { auto: true })
    const read = mac.nextRead()
    const { guid } = mac.messages.write(from(contactOf(1)))
    assert.equal((await read).id, `iMessage;-;${contactOf(1)}`)
    assert.deepEqual(stored(server, line), [{ carrier_message_id: guid, part: 0, auto_reason: null }])
  })

  test('finds what came while it was stopped', async () => {
    await using mac = await startBlueBubbles()
    await using server = await startReadback(OFTEN)
    const { line } = await connect(server, mac, { auto: true })
    await server.stop()
    for (let n = 0; n < 450; n++) mac.messages.write({ ...from(contactOf(n)), dateCreated: Date.now() - n })
    await using _again = await startReadback({ ...OFTEN, READBACK_DATA_DIR: server.dataDir })
    const messages = await storedOnce(server, line, 450)
    assert.equal(new Set(messages.map(({ carrier_message_id }) => carrier_message_id)).size, 450)
  })

  test('stores each of 2,000 messages once and asks a receipt for each, though webhooks are lost, doubled and shuffled', async () => {
    await using mac = await startBlueBubbles()
    // Its receipts would be on their way for minutes, on a server that others share.
    await using server = await startReadback(OFTEN)
    const { line } = await connect(server, mac, { auto: true })
    const random = seeded(20_261_124)
    const written: Row[] = []
    const deliveries: (() => Promise<unknown>)[] = []
    for (let n = 0; n < 2_000; n++) {
      // 150 at one go among them; the Mac is away for a while twice.
      if (n === 500 || n === 1_200) mac.faults.set('query', 'reset')
      if (n === 700 || n === 1_400) mac.faults.delete('query')
      const row = mac.messages.write(from(contactOf(n)))
      written.push(row)
      const copies = random() < 0.3 ? 0 : random() < 0.2 ? 2 : 1
      for (let copy = 0; copy < copies; copy++) {
        deliveries.splice(Math.floor(random() * (deliveries.length + 1)), 0, () => mac.deliver(eventOf(row)))
      }
      if (deliveries.length > (n > 1_000 && n < 1_150 ? 1_000 : 40)) await deliveries.shift()?.()
    }
    await Promise.all(deliveries.map((deliver) => deliver()))
    const messages = await storedOnce(server, line, written.length)
    assert.deepEqual(
      messages.map(({ carrier_message_id }) => carrier_message_id).sort(),
      written.map(({ guid }) => guid).sort(),
    )
    using database = new DatabaseSync(join(server.dataDir, 'readback.db'), { readOnly: true })
    const asked = database.prepare(`select count(distinct conversation_id) as n from receipts where trigger = 'auto'`)
    assert.equal(asked.get()?.n, 2_000)
  })

  test('stores what is older than the age limit, and does not mark it', async () => {
    await using mac = await startBlueBubbles()
    await using server = await startReadback({ ...OFTEN, READBACK_AUTO_MARK_READ_MAX_AGE_S: '60' })
    const { line } = await connect(server, mac, { auto: true })
    mac.messages.write({ dateCreated: Date.now() - 61_000 })
    const [message] = await storedOnce(server, line, 1)
    assert.equal(message?.auto_reason, 'too_old')
  })

  test('finds out how old a message is by the clock of the Mac, which dated it', async () => {
    await using mac = await startBlueBubbles()
    const { line } = await connect(server, mac, { auto: true })
    mac.mac.behindMs = 7_200_000
    mac.messages.write({ dateCreated: Date.now() - mac.mac.behindMs })
    const [message] = await storedOnce(server, line, 1)
    assert.equal(message?.auto_reason, null)
  })

  test('stores nothing twice in a week of replays', async () => {
    await using mac = await startBlueBubbles()
    // A week is 3.5 s here, and a message is recognised for 4.
    await using server = await startReadback({ ...OFTEN, READBACK_DEDUPE_AGE_S: '4' })
    const { line } = await connect(server, mac, { auto: true })
    const row = mac.messages.write()
    await storedOnce(server, line, 1)
    const weekIsOver = Date.now() + 3_500
    let replays = 0
    while (Date.now() < weekIsOver) {
      assert.deepEqual(await mac.deliver(eventOf(row)), [200])
      replays += 1
      // One for each look of ours: as fast as they are answered, they would take all that the machine has.
      await mac.nextCall()
    }
    assert.ok(replays > 10)
    assert.equal(stored(server, line).length, 1)
    using database = new DatabaseSync(join(server.dataDir, 'readback.db'), { readOnly: true })
    const kept = database.prepare('select count(*) as n from seen_inbound')
    await until(
      'it to be forgotten',
      () => kept.get()?.n,
      (count) => count === 0,
    )
  })

  test('fetches little at a time where a page is more than is read of an answer', async () => {
    await using mac = await startBlueBubbles()
    const { line } = await connect(server, mac)
    for (let n = 0; n < 40; n++)
      mac.messages.write({ ...from(contactOf(n)), payloadData: 'x'.repeat(600_000) } as object)
    await storedOnce(server, line, 40)
  })

  test('waits for attachments that are linked late, and has one part for each', async () => {
    await using mac = await startBlueBubbles()
    const { line } = await connect(server, mac, { auto: true })
    const row = mac.messages.write({ text: '\uFFFC', attachments: [] })
    assert.deepEqual(await mac.deliver(eventOf(row)), [200])
    await askedFor(mac, row)
    assert.deepEqual(stored(server, line), [])
    mac.messages.link(row.guid, { attachments: fixture['two-attachments'].data.attachments })
    const parts = await storedOnce(server, line, 2)
    assert.deepEqual(
      parts.map(({ carrier_message_id, part }) => [carrier_message_id, part]),
      [
        [row.guid, 0],
        [row.guid, 1],
      ],
    )
  })

  test('takes what was linked while the list was on its way, the text as well', async () => {
    await using mac = await startBlueBubbles()
    const { account, line } = await connect(server, mac)
    const row = mac.messages.write({ text: null, attachments: [] })
    const data = { ...row, text: '\uFFFCLook', attachments: fixture['two-attachments'].data.attachments }
    mac.faults.set('message', { status: 200, body: { status: 200, message: 'Success', data } })
    await storedOnce(server, line, 2)
    const { data: shown } = (await account.must(200, 'GET', '/api/v2/messages')).body
    assert.deepEqual(shown.map(({ content }: { content: string }) => content).sort(), ['', 'Look'])
  })

  test('leaves out what its contact took back before anybody saw it', async () => {
    await using mac = await startBlueBubbles()
    const { line } = await connect(server, mac, { auto: true })
    for (const date of ['dateEdited', 'dateRetracted']) {
      const unsent = mac.messages.write({ text: null, [date]: Date.now() })
      assert.deepEqual(await mac.deliver(eventOf(unsent)), [200])
    }
    const edited = mac.messages.write({ ...from(contactOf(4)), dateEdited: Date.now() } as Partial<Row>)
    const messages = await storedOnce(server, line, 1)
    assert.deepEqual(
      messages.map(({ carrier_message_id }) => carrier_message_id),
      [edited.guid],
    )
    assert.equal(server.logs.filter((entry) => entry.includes('"dropped":"unsent"')).length, 2)
  })

  test('waits for the conversation of a row that has none yet', async () => {
    await using mac = await startBlueBubbles()
    const { line } = await connect(server, mac, { auto: true })
    const { chats } = mac.messages.write()
    const early = mac.messages.write({ chats: [] })
    const later = mac.messages.write(from(contactOf(2)))
    await storedOnce(server, line, 2)
    mac.messages.link(early.guid, { chats })
    const messages = await storedOnce(server, line, 3)
    assert.deepEqual(messages.map(({ carrier_message_id }) => carrier_message_id).slice(1), [later.guid, early.guid])
  })

  test('leaves out the junk of a played voice note, with a reason, and goes past what it cannot understand', async () => {
    await using mac = await startBlueBubbles()
    const { line } = await connect(server, mac, { auto: true })
    const junk = mac.messages.write({ text: 'D3B07384-D113-4EC6-A6B2-7F5E0C5C1A11' })
    await mac.deliver(eventOf(junk))
    mac.messages.write({ handle: 'none' } as unknown as Partial<Row>)
    // What a contact copied from some other program is no such thing.
    const order = { ...from(contactOf(3)), text: '3d6f0a52-9c1e-4d7b-8a64-1f2e3c4b5a69' }
    const { guid } = mac.messages.write(order)
    const [message] = await storedOnce(server, line, 1)
    assert.equal(message?.carrier_message_id, guid)
    assert.ok(server.logs.some((entry) => entry.includes('"dropped":"voice_note"')))
    assert.ok(server.logs.some((entry) => entry.includes('a message that was fetched was refused')))
  })
})
