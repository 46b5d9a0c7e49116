import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import macos15 from './fixtures/bluebubbles/macos15-webhooks.json' with { type: 'json' }
import { type BlueBubbles, startBlueBubbles } from './support/bluebubbles.ts'
import { CONTACT, type Customer, customer, enter, startReadback } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { HOUR, newest, setTiming } from './support/timing.ts'
import { until } from './support/until.ts'

const server = shareReadback()

interface Mac {
  readonly mac: BlueBubbles
  readonly account: Customer
}

async function onMac(mac: BlueBubbles, at = server): Promise<Mac> {
  const number = ownLine()
  const { accountId, keys } = await customer(at, { auto: true, lines: [] })
  const line = { number, connector: 'bluebubbles', settings: { url: mac.url, password: mac.password } }
  await at.operator.must(201, 'POST', `/operator/accounts/${accountId}/lines`, line)
  return { mac, account: enter(at.base, accountId, keys, number) }
}

type Name = 'direct-imessage' | 'own-message'
const CHAT = macos15['direct-imessage'].data.chats

/** The contact writes, or the line does from the Mac itself, at that time by the Mac's clock. */
async function happens({ mac }: Mac, name: Name, at: number): Promise<void> {
  const { type, data } = macos15[name]
  const row = { ...data, guid: crypto.randomUUID(), dateCreated: at, chats: CHAT }
  assert.deepEqual(await mac.deliver({ type, data: row } as never), [200])
}

describe('a receipt that goes with the reply', () => {
  test('waits for the line to write, from whatever device, and is sent then', async () => {
    await using mac = await startBlueBubbles()
    await using brief = await startReadback({ READBACK_RECEIPT_TTL_S: '1' })
    const here = await onMac(mac, brief)
    const { account } = here
    await setTiming(account, { mode: 'on_reply' })
    const now = Date.now()
    await happens(here, 'direct-imessage', now)
    await happens(here, 'direct-imessage', now + 1)
    const waiting = await newest(account)
    assert.deepEqual(
      [waiting.state, waiting.reason, waiting.requests, waiting.next_attempt_at, waiting.expires_at],
      ['queued', 'awaiting_reply', 2, null, null],
    )
    assert.equal(mac.reads.length, 0)
    // Written before what it would answer, and brought late.
    await happens(here, 'own-message', now - 1_000)
    assert.equal((await account.receipt(waiting.receipt_id)).reason, 'awaiting_reply')
    await happens(here, 'own-message', now + 1_000)
    assert.equal((await account.settled(waiting.receipt_id)).state, 'sent')
    assert.equal(mac.reads.length, 1)
  })

  test('waits no longer for what a contact wrote whose clock is ahead', async () => {
    await using mac = await startBlueBubbles()
    const here = await onMac(mac)
    await setTiming(here.account, { mode: 'on_reply' })
    await happens(here, 'direct-imessage', Date.now() + 600_000)
    await happens(here, 'own-message', Date.now() - 1_000)
    assert.equal((await newest(here.account)).reason, 'awaiting_reply')
    await happens(here, 'own-message', Date.now())
    assert.equal((await here.account.settled((await newest(here.account)).receipt_id)).state, 'sent')
  })

  test('does not go with one that is on its way for a call', async () => {
    await using mac = await startBlueBubbles()
    const here = await onMac(mac)
    const { account } = here
    mac.chats.add(`any;-;${CONTACT}`)
    mac.faults.set('read', 'reset')
    const called = await account.markRead(CONTACT)
    await until(
      'a first try',
      () => account.receipt(called),
      ({ reason }) => reason !== null,
    )
    await setTiming(account, { mode: 'on_reply' })
    const { type, data } = macos15['direct-imessage']
    const handle = { ...data.handle, address: CONTACT }
    const row = { ...data, guid: crypto.randomUUID(), dateCreated: Date.now(), handle }
    assert.deepEqual(await mac.deliver({ type, data: row } as never), [200])
    const read = mac.nextRead()
    mac.faults.clear()
    await read
    assert.equal((await account.settled(called)).state, 'sent')
    const [waiting] = (await account.must(200, 'GET', '/readback/v1/receipts?state=queued')).body.data
    assert.equal(waiting.reason, 'awaiting_reply')
  })

  const SMS = macos15['direct-sms'].data
  for (const [where, chats] of [
    ['the SMS', SMS.chats],
    ['the iMessage', CHAT],
  ] as const) {
    test(`marks the iMessage that it is for, though its contact sent an SMS since, with a reply to ${where}`, async () => {
      await using mac = await startBlueBubbles()
      const here = await onMac(mac)
      const { account } = here
      for (const { guid } of [...SMS.chats, ...CHAT]) mac.chats.add(guid)
      await setTiming(account, { mode: 'on_reply' })
      await happens(here, 'direct-imessage', Date.now())
      const waiting = await newest(account)
      for (const data of [SMS, { ...macos15['own-message'].data, chats }]) {
        const row = { ...data, guid: crypto.randomUUID(), dateCreated: Date.now() }
        assert.deepEqual(await mac.deliver({ type: 'new-message', data: row } as never), [200])
      }
      const { state, reason } = await account.settled(waiting.receipt_id)
      assert.deepEqual([state, reason], ['sent', null])
      assert.deepEqual(
        mac.reads.map(({ id }) => id),
        [CHAT[0]?.guid],
      )
    })
  }

  test('is sent with the reply that a pause would have outlasted', async () => {
    await using mac = await startBlueBubbles()
    const here = await onMac(mac)
    await setTiming(here.account, HOUR)
    await happens(here, 'direct-imessage', Date.now())
    await happens(here, 'own-message', Date.now())
    assert.equal((await here.account.settled((await newest(here.account)).receipt_id)).state, 'sent')
  })
})
