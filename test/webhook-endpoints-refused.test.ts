import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { customer, startReadback } from './support/readback.ts'
import { ownLine, shareReadback } from './support/shared.ts'
import { addWebhooks, listed, WEBHOOKS } from './support/webhooks.ts'

describe('an account’s endpoints', () => {
  const url = 'https://example.com/hook'
  const server = shareReadback()

  test('are not looked at one by one where they are more than an account may have: that would take everybody’s time', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    const list = Array.from({ length: 101 }, () => 'no URL')
    for (const [method, webhooks] of [
      ['POST', list],
      ['PUT', { receive: list }],
    ] as const) {
      const { body } = await account.must(400, method, WEBHOOKS, { webhooks })
      assert.equal(body.message, '`webhooks`: an account has 100 at the most')
    }
  })

  test('are refused where they would be more than a hundred of all types, and one that is known is no more', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    const urls = Array.from({ length: 100 }, (_, n) => `${url}/${n}`)
    const tooMany = (method: string, body: object) => account.must(400, method, WEBHOOKS, body)
    await tooMany('PUT', { webhooks: { receive: urls, outbound: [url] } })
    assert.deepEqual((await listed(account)).receive, [])
    await addWebhooks(account, urls)
    await tooMany('POST', { webhooks: [url], type: 'outbound' })
    await addWebhooks(account, urls.slice(0, 2))
    const { receive, outbound } = await listed(account)
    assert.deepEqual([receive, outbound], [urls, []])
  })

  test('of a known type that is never sent are taken with a warning; of an unknown one refused with a list', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    const { warnings } = (await addWebhooks(account, [url], { type: 'call_log' })).body
    assert.match(warnings[0], /call_log/)
    const replace = async (webhooks: object) => (await account.must(200, 'PUT', WEBHOOKS, { webhooks })).body.warnings
    assert.deepEqual(await replace({ receive: [url], call_log: [url] }), warnings)
    assert.equal(await replace({ receive: [url], call_log: [] }), undefined)
    for (const [method, body] of [
      ['POST', { webhooks: [url], type: 'smoke_signal' }],
      ['PUT', { webhooks: { smoke_signal: [url] } }],
      ['DELETE', { webhooks: [url], type: 'smoke_signal' }],
    ] as const) {
      const answer = await account.call(method, WEBHOOKS, body)
      assert.equal(answer.status, 400)
      assert.match(answer.body.message, /receive, outbound, typing_indicator/)
    }
  })

  test('at a URL that is twice in a list are refused unless both say the same, and nothing is kept or lost', async () => {
    const [line, otherLine] = [ownLine(), ownLine()]
    const account = await customer(server, { lines: [line, otherLine] })
    const own = { url, secret: 'a-secret-of-its-own' }
    await addWebhooks(account, [`${url}/2`])
    for (const twice of [
      [own, url],
      [url, own],
      [own, { url, secret: 'another-secret' }],
      [{ ...own, url: 'HTTPS://Example.com/hook' }, url],
      [
        { url, sendblue_numbers: [line] },
        { url, sendblue_numbers: [otherLine] },
      ],
    ]) {
      for (const [method, body] of [
        ['POST', { webhooks: twice, globalSecret: 'the-global-secret' }],
        ['PUT', { webhooks: { receive: twice } }],
      ] as const) {
        const answer = await account.call(method, WEBHOOKS, body)
        assert.equal(answer.status, 400, `${method} ${JSON.stringify(twice)}`)
        assert.match(answer.body.message, /https:\/\/example\.com\/hook is there twice/)
      }
    }
    assert.deepEqual((await listed(account)).receive, [`${url}/2`])
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: { receive: [own, own], outbound: [url, { url }] } })
    const { receive, outbound } = await listed(account)
    assert.deepEqual([receive, outbound], [[own], [url]])
  })

  test('that an older version left in two spellings and not alike are given back with one left out, as the refusal says', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    const [odd, plain] = [
      { url: 'HTTPS://Example.com/hook', secret: 'a-secret-of-its-own' },
      { url, secret: 'another-secret' },
    ]
    await addWebhooks(account, [{ ...odd, url: 'https://example.com/2' }, plain])
    {
      using database = new DatabaseSync(join(server.dataDir, 'readback.db'))
      database.prepare(`update webhooks set url = ? where url = 'https://example.com/2'`).run(odd.url)
    }
    const { receive } = await listed(account)
    assert.deepEqual(receive, [odd, plain])
    const { body } = await account.must(400, 'PUT', WEBHOOKS, { webhooks: { receive } })
    assert.equal(
      body.message,
      `\`webhooks\`: ${url} is there twice, once as ${odd.url}, and not alike: leave one of them out`,
    )
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: { receive: receive.slice(1) } })
    assert.deepEqual((await listed(account)).receive, [plain])
  })

  test('with a field that there is not are refused by its name, and nothing is kept or lost', async () => {
    const line = ownLine()
    const account = await customer(server, { lines: [line] })
    await addWebhooks(account, [`${url}/2`])
    const misspelt = { url, sendblue_number: [line] }
    for (const [method, body, field] of [
      ['POST', { webhooks: [url, misspelt] }, 'sendblue_number'],
      ['PUT', { webhooks: { receive: [misspelt] } }, 'sendblue_number'],
      ['POST', { webhooks: [url], typ: 'outbound' }, 'typ'],
      ['DELETE', { webhooks: [`${url}/2`], typ: 'outbound' }, 'typ'],
      ['POST', { webhooks: [{ url, sendblue_numbers: ['line'] }] }, 'sendblue_numbers'],
    ] as const) {
      const answer = await account.call(method, WEBHOOKS, body)
      assert.equal(answer.status, 400, `${method} ${JSON.stringify(body)}`)
      assert.match(answer.body.message, new RegExp(`["\`]${field}["\`]`))
    }
    assert.deepEqual((await listed(account)).receive, [`${url}/2`])
  })

  const BAD_URLS = [
    'ftp://example.com',
    'example.com',
    '',
    'https://user:password@example.com',
    `https://example.com/${'x'.repeat(5_000)}`,
    'http://10.0.0.1/',
    'http://169.254.169.254/latest',
    'http://[::ffff:169.254.169.254]/',
    'http://metadata.google.internal/',
    'http://0x0a000001/',
  ]
  test('at a bad URL are refused, and nothing is kept', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    for (const bad of BAD_URLS) {
      for (const given of [bad, { url: bad }]) {
        const answer = await account.call('POST', WEBHOOKS, { webhooks: [url, given] })
        assert.equal(answer.status, 400, `${bad.slice(0, 60)}: ${JSON.stringify(answer.body)}`)
        assert.match(answer.body.message, /webhooks/)
      }
      assert.equal((await account.call('PUT', WEBHOOKS, { webhooks: { receive: [bad] } })).status, 400)
      assert.deepEqual((await listed(account)).receive, [])
    }
  })

  const waysToGive = (secret: string) =>
    [
      ['POST', { webhooks: [{ url, secret }] }],
      ['POST', { webhooks: [url], globalSecret: secret }],
      ['PUT', { webhooks: { receive: [{ url, secret }] } }],
      ['PUT', { webhooks: { receive: [url], globalSecret: secret } }],
    ] as const

  test('have no secret behind `whsec_` that a stock verifier could not decode', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    for (const secret of ['whsec_not-base64', 'whsec_====', 'whsec_YWJjZA', 'whsec_YWJjZB==', 'whsec_a+b_c/d-']) {
      for (const [method, body] of waysToGive(secret)) {
        const answer = await account.call(method, WEBHOOKS, body)
        assert.equal(answer.status, 400, `${method} ${secret}`)
        assert.match(answer.body.message, /base64|8 to 256/)
      }
    }
    assert.deepEqual([(await listed(account)).receive, (await listed(account)).globalSecret], [[], ''])
    const secret = 'whsec_YWJjZA=='
    await addWebhooks(account, [{ url, secret }], { globalSecret: secret })
    assert.deepEqual((await listed(account)).receive, [{ url, secret }])
  })

  test('have no secret that no header could carry, nor one of less than 8 characters or more than 256', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    for (const secret of ['1234567', 'x'.repeat(257), 'eight of them', 'twelve\r\nlong', 'schlüssel']) {
      for (const [method, body] of waysToGive(secret)) {
        await account.must(400, method, WEBHOOKS, body)
      }
    }
    assert.deepEqual([(await listed(account)).receive, (await listed(account)).globalSecret], [[], ''])
    for (const secret of ['12345678', 'x'.repeat(256)]) {
      await addWebhooks(account, [{ url, secret }], { globalSecret: secret })
      const { receive, globalSecret } = await listed(account)
      assert.deepEqual([receive, globalSecret], [[{ url, secret }], secret])
    }
  })

  test('name a thousand lines at the most', async () => {
    const line = ownLine()
    const account = await customer(server, { lines: [line] })
    const named = (count: number) => [{ url, sendblue_numbers: Array(count).fill(line) }]
    const { body } = await account.must(400, 'POST', WEBHOOKS, { webhooks: named(1_001) })
    assert.match(body.message, /sendblue_numbers.*1000/)
    assert.deepEqual((await listed(account)).receive, [])
    await addWebhooks(account, named(1_000))
    assert.deepEqual((await listed(account)).receive, named(1_000))
  })

  test('are not removed by a list of none, which is a client’s mistake', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    await addWebhooks(account, [url])
    const { body } = await account.must(400, 'DELETE', WEBHOOKS, { webhooks: [] })
    assert.match(body.message, /webhooks/)
    assert.deepEqual((await listed(account)).receive, [url])
  })

  test('name the account’s own lines alone, and at least one where they name any', async () => {
    const account = await customer(server, { lines: [ownLine()] })
    const strangers = ownLine()
    await customer(server, { lines: [strangers] })
    for (const sendblue_numbers of [[strangers], []]) {
      const { body } = await account.must(400, 'POST', WEBHOOKS, { webhooks: [{ url, sendblue_numbers }] })
      assert.match(body.message, /sendblue_numbers/)
    }
    assert.deepEqual((await listed(account)).receive, [])
  })
})
