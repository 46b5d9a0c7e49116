import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { signIn, visit } from './support/browser.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { enter, holds, log, openConversation, openDesk, phone, write } from './support/dashboard.ts'
import { hasFocus } from './support/focus.ts'
import { CONTACT, customer } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

/** Counts the connections by which the page hears of changes. */
const COUNTING = `
  window.held = new Set()
  window.EventSource = class extends EventSource {
    constructor(url) {
      super(url)
      window.held.add(this)
    }
    close() {
      window.held.delete(this)
      super.close()
    }
  }`

describe('what the dashboard shows', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('is in each row who wrote last, and those alone that stand as is asked for', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    const [unread, read, failed, waits] = ['+14155550150', '+14155550151', '+14155550152', '+14155550153']
    for (const number of [unread, read, waits]) await account.write({ to_number: line, number })
    await account.write({ to_number: line, number: failed, service: 'SMS' })
    await account.write({ to_number: line, number: '+14155550154', group_id: 'book-club' })
    for (const number of [read, failed]) await account.settled(await account.markRead(number, line))
    await account.must(200, 'POST', '/api/send-message', { number: read, from_number: line, content: 'Yes' })
    await account.must(200, 'PUT', '/simulator/carrier', { from_number: line, offline: true })
    await account.markRead(waits, line)
    const rows = page.getByRole('region', { name: 'List of conversations' }).getByRole('link')
    for (const name of [/^Unread \+14155550150 .* Hello$/, /^Read \+14155550151 .* You: Yes$/, / 0154: Hello group$/])
      await page.getByRole('link', { name }).waitFor()
    for (const [state, wanted] of [
      ['Unread', [unread, failed, waits, 'book-club']],
      ['Read', [read]],
      ['Receipt waits', [waits]],
      ['Receipt did not go', [failed]],
    ] as const) {
      await page.getByLabel('State', { exact: true }).selectOption({ label: state })
      await until(
        `those of "${state}"`,
        () => rows.evaluateAll((links) => links.map((link) => link.querySelector('[title]')?.getAttribute('title'))),
        (shown) => shown.toSorted().join() === wanted.toSorted().join(),
      )
    }
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('is pale while it answers another question, until this one is answered', async () => {
    await using theirs = await startCustomerServer()
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [theirs.url] })
    await account.write({ to_number: line })
    for (const [view, filter, wanted, row] of [
      ['Conversations', 'Service', 'RCS', '.row'],
      ['Webhooks', 'State', 'failed', '.delivery'],
    ] as const) {
      const opacity = () => page.evaluate<string>(`getComputedStyle(document.querySelector('${row}')).opacity`)
      await page.getByRole('link', { name: view }).click()
      await page.locator(row).waitFor()
      assert.equal(await opacity(), '1')
      const answered = Promise.withResolvers<void>()
      await page.route(`**/console/**=${wanted}*`, async (route) => {
        await answered.promise
        await route.continue()
      })
      await page.getByLabel(filter, { exact: true }).selectOption(wanted)
      await until('the row to be pale', opacity, (now) => now < '0.5')
      // What is to be heard is said in a place that is there before.
      const place = await page.getByRole('status').filter({ hasNotText: /./ }).last().elementHandle()
      answered.resolve()
      await page.getByText('Nothing matches', { exact: true }).waitFor()
      assert.match(`${await place?.textContent()}`, /^Nothing matches/)
    }
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('is how often a receipt was asked for and tried, and when it is tried next', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    const path = `/operator/lines/${encodeURIComponent(line)}`
    await desk.server.operator.must(200, 'PATCH', path, { paused: true })
    await account.write({ to_number: line })
    for (const _each of [1, 2, 3]) await account.markRead(CONTACT, line)
    await openConversation(page)
    const receipt = log(page).locator('.receipt')
    await receipt.getByText('Read receipt by a call, 3 requests in one', { exact: true }).waitFor()
    await account.must(200, 'PUT', '/simulator/carrier', { from_number: line, offline: true })
    await desk.server.operator.must(200, 'PATCH', path, { paused: false })
    await receipt.getByText(/3 requests in one, \d+ attempt/).waitFor()
    await receipt.getByText(/Next try at \d/).waitFor()
    // Between two tries it is on no way.
    await receipt.getByText('queued', { exact: true }).waitFor()
    await page.getByRole('link', { name: CONTACT }).getByText('queued', { exact: true }).waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('is what became of each message on the phone, once for those that were read together', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    for (const content of ['One', 'Two']) await account.write({ to_number: line, content })
    await openConversation(page)
    const states = () => phone(page).locator('.phone-state').allInnerTexts()
    const showing = (wanted: string) =>
      until(wanted, states, (shown) => shown.map((text) => text.replace(/ \d.*/, '')).join() === wanted)
    await showing('Delivered')
    await page.getByRole('button', { name: 'Mark read' }).click()
    await showing('Read')
    await page.getByRole('region', { name: 'The contact’s phone' }).getByLabel('Service').selectOption('SMS')
    await page.getByPlaceholder('Text message').waitFor()
    await write(page, 'Three')
    await showing('Read,Sent as text message')
    await log(page).locator('[data-service=SMS]', { hasText: 'Three' }).waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('is an endpoint that is called no more, and why, until it is enabled', async () => {
    await using theirs = await startCustomerServer()
    theirs.answer = (_, response) => response.writeHead(410).end()
    await using visited = await enter(desk, { path: '/webhooks' })
    const { page, account, line } = visited
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [theirs.url] })
    await account.write({ to_number: line })
    const endpoint = page.getByRole('region', { name: 'Endpoints' }).getByRole('listitem')
    await endpoint.getByText('disabled: gone').waitFor()
    await endpoint.getByRole('button', { name: `Enable ${theirs.url}` }).click()
    await endpoint.getByText('enabled', { exact: true }).waitFor()
    await endpoint.getByRole('button', { name: `Test ${theirs.url}` }).waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('comes while somebody looks, and by no connection while nobody does', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await page.addInitScript(COUNTING)
    await page.reload()
    await page.getByText('Nobody has written yet').waitFor()
    const turnTo = (state: string) =>
      page.evaluate(`
        Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
        window.held.size`)
    assert.equal(await turnTo('hidden'), 0)
    await account.write({ to_number: line })
    assert.equal(await turnTo('visible'), 1)
    await page.getByRole('link', { name: CONTACT }).waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('asks once more before something is removed, forgets that it did, and says whose key is revoked', async () => {
    await using visited = await enter(desk, { path: '/webhooks' })
    const { page, account } = visited
    const url = 'https://example.com/hook'
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [url] })
    const remove = page.getByRole('button', { name: `Remove ${url}`, exact: true })
    await remove.press('Enter')
    await hasFocus(page, page.getByRole('button', { name: `Really remove ${url}` }))
    await page.keyboard.press('Tab')
    await remove.waitFor()
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'Create a key' }).click()
    const other = await page.getByLabel('API key id').inputValue()
    for (const [id, words] of [
      [account.keys['sb-api-key-id'], 'is signed out: that is you.'],
      [other, 'is signed out.'],
    ]) {
      await page.getByRole('button', { name: `Revoke ${id}` }).click()
      await page.getByRole('dialog').getByText(`${words}`).waitFor()
      await page.getByRole('button', { name: 'Keep it' }).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('is a new line where Shift and Enter are pressed, and the other colours where they are chosen', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    const reply = page.getByLabel('Reply as the line', { exact: true })
    await reply.fill('One')
    await reply.press('Shift+Enter')
    await page.keyboard.type('Two')
    await holds(reply, 'One\nTwo')
    await page.getByRole('button', { name: 'Switch to dark' }).click()
    await page.reload()
    await page.locator('html[data-mantine-color-scheme=dark]').waitFor()
    await page.getByRole('button', { name: 'Switch to light' }).waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('is nothing of one way to sign in where another is chosen, and a key is taken with what was copied around it', async () => {
    const { keys } = await customer(desk.server, { lines: [] })
    await using visited = await visit(desk.browser, desk.server.base)
    const { page } = visited
    const secret = page.getByLabel('API secret key')
    await secret.fill('half a secret')
    await page.getByText('Operator', { exact: true }).click()
    assert.equal(await page.getByLabel('Operator token').inputValue(), '')
    await page.getByLabel('Operator token').fill('half a token')
    await page.getByText('Account', { exact: true }).click()
    assert.equal(await secret.inputValue(), '')
    const [id, word] = [keys['sb-api-key-id'], keys['sb-api-secret-key']]
    await signIn(page, { keys: { 'sb-api-key-id': ` ${id}`, 'sb-api-secret-key': `${word} ` } })
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})
