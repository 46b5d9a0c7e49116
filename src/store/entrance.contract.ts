import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SESSION_MS } from '../core/console.ts'
import type { Line } from '../core/line.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import { contactOf, desk, LINE, type Place } from './desk.contract.ts'
import { hashSecret } from './seal.ts'

const OTHER_LINE = '+19175550100' as PhoneNumber
const mintedBy = (credentials: { token: string }) => ({
  credentials,
  numbers: null,
  field: 'phone_numbers',
  expiresAt: 1,
})

/** Whom every engine lets in. */
export function describeEntrance(engine: string, place: () => Promise<Place>): void {
  const code = (wanted: string) => (error: unknown) => (error as { code?: string }).code === wanted

  describe(`the entrance of the store on ${engine}`, () => {
    test('lets in who has a key that is not revoked, of an account that is not disabled', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { id: accountId } = await d.store.admit({ credentials: d.credentials, gate: true })
      for (const wrong of [{ keyId: 'x' }, { secret: 'x' }, { secret: '' }, { keyId: '' }]) {
        const credentials = { ...d.credentials, ...wrong }
        await assert.rejects(d.store.admit({ credentials, gate: false }), code('unauthorized'))
      }
      await d.store.updateAccount({ id: accountId, change: { readReceiptsEnabled: false } })
      await d.store.admit({ credentials: d.credentials, gate: false })
      await assert.rejects(d.store.admit({ credentials: d.credentials, gate: true }), code('forbidden'))
      await assert.rejects(d.request(contactOf(0), 0), code('forbidden'))
      await d.store.updateAccount({ id: accountId, change: { readReceiptsEnabled: true, disabled: true } })
      await assert.rejects(d.request(contactOf(0), 0), code('forbidden'))
      await d.store.updateAccount({ id: accountId, change: { disabled: false } })
      await d.store.deleteKey({ accountId, keyId: d.credentials.keyId })
      await assert.rejects(d.request(contactOf(0), 0), code('unauthorized'))
    })

    test('lets in who has a token, to its lines alone, until it ends or its key does', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { id: accountId } = await d.store.admit({ credentials: d.credentials, gate: true })
      // By the store's own clock: an hour from now, and a moment ago.
      const [later, ago] = [d.store.now() + 3_600_000, d.store.now() - 1]
      const mint = (numbers: PhoneNumber[] | null, expiresAt: number) =>
        d.store.createToken({ credentials: d.credentials, numbers, field: 'phone_numbers', expiresAt, at: 0 })
      const [whole, limited, ended] = [await mint(null, later), await mint([LINE], later), await mint(null, ago)]
      await d.store.createLine({ accountId, number: OTHER_LINE, connector: 'simulator', settings: {}, at: 0 })
      const call = { number: contactOf(0), trigger: 'api', relayed: false, at: 1 } as const
      const ask = (credentials: { token: string }, fromNumber: PhoneNumber) =>
        d.store.markRead({ ...call, credentials, fromNumber })
      await ask(whole, OTHER_LINE)
      await ask(limited, LINE)
      await assert.rejects(ask(limited, OTHER_LINE), code('not_found'))
      await assert.rejects(ask(ended, LINE), code('unauthorized'))
      assert.equal((await d.store.listReceipts({ credentials: limited, filter: { limit: 9 } })).length, 1)
      await assert.rejects(d.store.admit({ credentials: limited, gate: false }), code('forbidden'))
      await assert.rejects(d.store.createToken({ ...mintedBy(whole), at: 0 }), code('forbidden'))
      assert.equal(await d.store.forgetTokens({ before: d.store.now(), limit: 9 }), 1)
      await d.store.deleteKey({ accountId, keyId: d.credentials.keyId })
      await assert.rejects(ask(whole, LINE), code('unauthorized'))
      await assert.rejects(d.store.identify({ credentials: limited }), code('unauthorized'))
      assert.equal(await d.store.forgetTokens({ before: later + 1, limit: 9 }), 0)
    })

    test('leads each of those who ask together to their own lines, and to nobody else’s', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials, lineId: id } = d
      const others = await store.createAccount({
        email: 'b@example.com',
        plan: 'free_api',
        readReceiptsEnabled: true,
        at: 0,
      })
      const { accountId } = await store.getLine({ id })
      const second = '+19175550101' as PhoneNumber
      await store.createLine({ accountId, number: second, connector: 'simulator', settings: {}, at: 0 })
      const theirs = { number: OTHER_LINE, connector: 'simulator', settings: { password: 'theirs' }, at: 0 }
      const { line, inboundSecret } = await store.createLine({ accountId: others.account.id, ...theirs })
      const limited = await store.createToken({
        credentials,
        numbers: [second],
        field: 'phone_numbers',
        expiresAt: store.now() + 60_000,
        at: 0,
      })
      const session = { sessionToken: await store.openSession({ opener: credentials, at: store.now() }) }
      const asked = await Promise.allSettled([
        store.getOwnLine({ credentials: { ...credentials, secret: 'wrong' }, number: LINE }),
        store.getOwnLine({ credentials, number: LINE }),
        store.getOwnLine({ credentials: session, number: LINE }),
        store.getOwnLine({ credentials: others.credentials, number: OTHER_LINE }),
        store.getOwnLine({ credentials, number: OTHER_LINE }),
        store.getOwnLine({ credentials: limited, number: LINE }),
        store.getOwnLine({ credentials: { token: 'wrong' }, number: LINE }),
        store.getLine({ id }),
        store.getLine({ number: OTHER_LINE }),
        store.getLine({ inboundSecret }),
        store.getLine({ inboundSecret: 'wrong' }),
        store.getLine({ number: '+19175550199' as PhoneNumber }),
      ])
      const found = asked.map((one) => (one.status === 'fulfilled' ? one.value.id : one.reason.code))
      assert.deepEqual(found.slice(0, 4), ['unauthorized', id, id, line.id])
      assert.deepEqual(found.slice(4, 7), ['not_found', 'not_found', 'unauthorized'])
      assert.deepEqual(found.slice(7), [id, line.id, line.id, 'not_found', 'not_found'])
      const [, own, , another] = asked as PromiseFulfilledResult<Line>[]
      assert.deepEqual([own?.value.settings, another?.value.settings], [{ password: 'hidden' }, { password: 'theirs' }])
      await store.removeLine({ id: line.id, at: 0 })
      await assert.rejects(store.getOwnLine({ credentials: others.credentials, number: OTHER_LINE }), code('not_found'))
      await assert.rejects(store.getLine({ inboundSecret }), code('not_found'))
      await store.updateAccount({ id: accountId, change: { disabled: true } })
      await assert.rejects(store.getOwnLine({ credentials, number: LINE }), code('forbidden'))
    })

    test('takes nobody for who has a token, or is signed in, by what is kept of that, beside whom it may be', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials, lineId } = d
      const at = store.now()
      const { token } = await store.createToken({
        credentials,
        numbers: null,
        field: 'phone_numbers',
        expiresAt: at + 60_000,
        at,
      })
      const sessionToken = await store.openSession({ opener: credentials, at })
      for (const [real, word] of [[{ token }, token] as const, [{ sessionToken }, sessionToken] as const]) {
        const forged = { keyId: hashSecret(word), secret: 'anything' }
        const asked = Array.from({ length: 9 }, (_, n) => (n % 2 === 0 ? forged : real))
        const found = await Promise.allSettled(
          asked.map((each) => store.getOwnLine({ credentials: each, number: LINE })),
        )
        assert.deepEqual(
          found.map((one) => (one.status === 'fulfilled' ? one.value.id : one.reason.code)),
          asked.map((each) => (each === real ? lineId : 'unauthorized')),
        )
      }
    })

    test('ends a session after 12 hours, with its key, and the operator’s with the token', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials: opener } = d
      const operator = { operatorToken: 'a token' }
      const visitor = async (session: string, token = operator) =>
        (await store.getVisitor({ session: { sessionToken: session }, operator: token })).kind
      const now = store.now()
      const old = await store.openSession({ opener, at: now - SESSION_MS })
      await assert.rejects(visitor(old), code('unauthorized'))
      await assert.rejects(store.listKeys({ credentials: { sessionToken: old } }), code('unauthorized'))
      const young = await store.openSession({ opener, at: now - SESSION_MS + 60_000 })
      assert.equal(await visitor(young), 'account')
      const theirs = await store.openSession({ opener: operator, at: now })
      assert.equal(await visitor(theirs), 'operator')
      await assert.rejects(store.listKeys({ credentials: { sessionToken: theirs } }), code('unauthorized'))
      await assert.rejects(visitor(theirs, { operatorToken: 'another' }), code('unauthorized'))
      await store.revokeKey({ credentials: { sessionToken: young }, keyId: opener.keyId })
      await assert.rejects(visitor(young), code('unauthorized'))
    })
  })
}
