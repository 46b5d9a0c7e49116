import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openBrowser, signIn, visit } from './support/browser.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { IMPATIENT, openConversation } from './support/dashboard.ts'
import { dataFolder } from './support/data-folder.ts'
import { CONTACT, customer, startReadback } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

/** Notes in the page when the server last said that something changed. */
const NOTING = `
  window.EventSource = class extends EventSource {
    constructor(url) {
      super(url)
      this.addEventListener('change', () => (window.heardAt = performance.now()))
    }
  }`

describe('the dashboard', { skip: requireDashboard() }, () => {
  test('shows what changed while its first answer was on the way', async () => {
    await using server = await startReadback()
    await using browser = await openBrowser()
    const account = await customer(server)
    await using visited = await visit(browser, `${server.base}/overview`)
    const { page } = visited
    await page.addInitScript(NOTING)
    const answered = Promise.withResolvers<void>()
    const arrives = Promise.withResolvers<void>()
    await page.route(
      '**/console/conversations*',
      async (route) => {
        const response = await route.fetch()
        answered.resolve()
        await arrives.promise
        await route.fulfill({ response })
      },
      { times: 1 },
    )
    await page.reload()
    await signIn(page, account)
    await page.getByText('What did not go out').waitFor()
    await page.getByRole('link', { name: 'Conversations' }).click()
    await answered.promise
    await page.evaluate('delete window.heardAt')
    await account.write()
    // The server says it again after a pause where more changed meanwhile.
    await until(
      'it to have said all',
      () => page.evaluate('performance.now() - window.heardAt > 500'),
      (yes) => yes === true,
    )
    arrives.resolve()
    await page.getByRole('link', { name: new RegExp(`\\${CONTACT}`) }).waitFor()
    assert.deepEqual(visited.complaints, [])
  })

  test('asks nothing more once nothing changes, though the first answer to a view that was left is still on the way', async () => {
    await using server = await startReadback()
    await using browser = await openBrowser()
    const account = await customer(server)
    await using visited = await visit(browser, server.base)
    const { page } = visited
    await page.addInitScript(NOTING)
    await page.reload()
    await signIn(page, account)
    const arrives = Promise.withResolvers<void>()
    await page.route('**/console/overview', async (route) => {
      await arrives.promise
      await route.continue()
    })
    const asked = page.waitForRequest('**/console/overview')
    await page.getByRole('link', { name: 'Overview' }).click()
    await asked
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await page.getByText('No endpoint yet').waitFor()
    await account.write()
    const quiet = (ms: number) =>
      until(
        'the server to have said nothing more',
        () => page.evaluate(`performance.now() - window.heardAt > ${ms}`),
        (yes) => yes === true,
      )
    await quiet(1_000)
    const since: string[] = []
    page.on('request', (request) => since.push(request.url()))
    await quiet(2_000)
    assert.deepEqual(since, [])
    await page.getByRole('link', { name: 'Overview' }).click()
    arrives.resolve()
    await page.getByText('What did not go out').waitFor()
    assert.deepEqual(visited.complaints, [])
  })

  test('goes on to show what changes where one answer never came', async () => {
    await using server = await startReadback()
    await using browser = await openBrowser()
    const account = await customer(server)
    await using visited = await visit(browser, server.base)
    const { page } = visited
    await page.addInitScript(IMPATIENT)
    await page.reload()
    await signIn(page, account)
    await page.getByText('Nobody has written yet').waitFor()
    const asked = Promise.withResolvers<void>()
    await page.route('**/console/conversations*', () => asked.resolve(), { times: 1 })
    await account.write()
    await asked.promise
    await page.getByRole('link', { name: new RegExp(`\\${CONTACT}`) }).waitFor()
    assert.deepEqual(visited.complaints, [])
  })

  test('does not say that nothing matches before it was looked for', async () => {
    await using theirs = await startCustomerServer()
    await using server = await startReadback()
    await using browser = await openBrowser()
    const account = await customer(server)
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [theirs.url] })
    await account.write()
    await using visited = await visit(browser, server.base)
    const { page } = visited
    await signIn(page, account)
    for (const [view, filter, none, some, found] of [
      ['Conversations', 'Service', 'RCS', 'iMessage', page.getByRole('link', { name: CONTACT })],
      ['Webhooks', 'State', 'failed', 'delivered', page.getByText('answered 200')],
    ] as const) {
      await page.getByRole('link', { name: view }).click()
      await found.waitFor()
      const choice = page.getByLabel(filter, { exact: true })
      await choice.selectOption(none)
      const nothing = page.getByText(/^(Nothing matches|None)$/)
      await nothing.waitFor()
      const looked = Promise.withResolvers<void>()
      await page.route(`**/console/**=${some}*`, async (route) => {
        await looked.promise
        await route.continue()
      })
      await choice.selectOption(some)
      await nothing.waitFor({ state: 'detached' })
      await page.getByRole('status', { name: 'Loading' }).waitFor()
      looked.resolve()
      await found.waitFor()
    }
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('names the line whose conversations it lists, also once that is removed', async () => {
    await using server = await startReadback()
    await using browser = await openBrowser()
    const [gone, other] = ['+14155550100', '+14155550101']
    const account = await customer(server, { lines: [gone, other] })
    await account.write({ to_number: gone, content: 'On the one' })
    await account.write({ to_number: other, content: 'On the other' })
    await using visited = await visit(browser, server.base)
    const { page } = visited
    await signIn(page, account)
    const choice = page.getByLabel('Line', { exact: true })
    await choice.selectOption(gone)
    await page.getByRole('link', { name: 'On the other' }).waitFor({ state: 'detached' })
    await server.operator.must(200, 'DELETE', `/operator/lines/${encodeURIComponent(gone)}`)
    await until(
      'the other to stand before it',
      () => choice.locator('option').allInnerTexts(),
      (lines) => lines.join() === ['Line', other, gone].join(),
    )
    assert.equal(await choice.inputValue(), gone)
    await page.getByRole('link', { name: 'On the one' }).waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('shows each view by itself once its server is back, also one that nobody had opened, and keeps what was typed', async () => {
    await using folder = await dataFolder()
    await using server = await startReadback({ READBACK_DATA_DIR: folder.path })
    await using browser = await openBrowser()
    const account = await customer(server)
    await account.write()
    await using visited = await visit(browser, server.base)
    const { page } = visited
    await signIn(page, account)
    await openConversation(page)
    const reply = page.getByLabel('Reply as the line', { exact: true })
    await reply.fill('Half a sentence')
    await server.stop()
    for (const view of ['Lines', 'Webhooks', 'Settings', 'Overview']) {
      await page.getByRole('link', { name: view }).click()
      await page.getByRole('heading', { level: 1, name: view }).waitFor()
    }
    await using _back = await startReadback({ READBACK_DATA_DIR: folder.path, PORT: new URL(server.base).port })
    await page.getByText('What did not go out').waitFor()
    await page.getByRole('link', { name: 'Conversations' }).click()
    await openConversation(page)
    assert.equal(await reply.inputValue(), 'Half a sentence')
    assert.deepEqual(visited.complaints, [])
  })

  test('says that it is not connected where the server has said nothing for long, and comes back by itself', async () => {
    await using server = await startReadback()
    const account = await customer(server, {})
    await using browser = await openBrowser()
    await using visited = await visit(browser, server.base)
    const { page } = visited
    await page.clock.install()
    await signIn(page, account)
    const status = (words: string) => page.getByRole('status').getByText(words).waitFor({ state: 'attached' })
    await status('Live: what is shown')
    // As of a machine that lost its power: nothing comes, and nothing ends.
    await page.route('**/console/events', () => undefined)
    await page.clock.fastForward(40_000)
    await status('Connecting to the server…')
    await page.unroute('**/console/events')
    await page.clock.fastForward(40_000)
    await status('Live: what is shown')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})
