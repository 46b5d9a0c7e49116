import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { startCustomerServer } from './support/customer-server.ts'
import { enter, enterAsOperator, log, openConversation, openDesk, refuse } from './support/dashboard.ts'
import { goesTo, hasFocus, staysAt, tabTo } from './support/focus.ts'
import { CONTACT, customer } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { ownLine } from './support/shared.ts'

describe('whoever uses the dashboard with the keyboard alone', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('stays at the button that sends a reply, and sends it once however often they press', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    await page.getByLabel('Reply as the line', { exact: true }).fill('Yes')
    await page.keyboard.press('Tab')
    const button = page.getByRole('button', { name: 'Send: Reply as the line' })
    await staysAt(page, button, 'POST', '**/api/send-message')
    await log(page).getByText('Yes', { exact: true }).waitFor()
    await page.keyboard.press('Enter')
    await hasFocus(page, button)
    assert.equal(await log(page).getByText('Yes', { exact: true }).count(), 1)
    await staysAtMarkRead(page)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('comes from "Create a key" to the secret, and once a key is closed or revoked to the title', async () => {
    await using visited = await enter(desk, { path: '/settings' })
    const { page } = visited
    const title = page.getByRole('heading', { name: 'API keys' })
    const create = page.getByRole('button', { name: 'Create a key' })
    await create.focus()
    await staysAt(page, create, 'POST', '**/console/keys')
    await hasFocus(page, page.getByRole('button', { name: 'Copy the secret' }))
    const id = await page.getByLabel('API key id').inputValue()
    await page.getByRole('button', { name: 'Close' }).press('Enter')
    await hasFocus(page, title)

    await tabTo(page, page.getByRole('button', { name: `Revoke ${id}` }))
    await page.keyboard.press('Enter')
    const revoke = page.getByRole('dialog').getByRole('button', { name: 'Revoke' })
    await revoke.waitFor()
    await tabTo(page, revoke)
    await staysAt(page, revoke, 'DELETE', '**/console/keys/*')
    await page.getByText(id).first().waitFor({ state: 'detached' })
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await hasFocus(page, title)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('stays at the test of an endpoint and at what adds one, and comes to the title from one that is removed', async () => {
    await using theirs = await startCustomerServer()
    await using visited = await enter(desk, { path: '/webhooks' })
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await page.getByRole('textbox', { name: 'URL', exact: true }).fill(theirs.url)
    const add = page.getByRole('button', { name: 'Add', exact: true })
    await tabTo(page, add)
    await staysAt(page, add, 'POST', '**/api/account/webhooks')
    const tested = page.getByRole('button', { name: `Test ${theirs.url}` })
    await tested.focus()
    await staysAt(page, tested, 'POST', '**/webhooks/*/test')
    await page.getByText('answered 200').waitFor()
    await hasFocus(page, tested)
    assert.equal(theirs.received.length, 1)
    const again = page.getByRole('button', { name: 'Send again' })
    await again.focus()
    await staysAt(page, again, 'POST', '**/redeliver')

    await tested.focus()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    const removed = page.getByRole('button', { name: `Really remove ${theirs.url}` })
    await staysAt(page, removed, 'DELETE', '**/api/account/webhooks')
    await page.getByText('No endpoint yet').waitFor()
    await hasFocus(page, page.getByRole('heading', { name: 'Endpoints' }))
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('stays at the buttons of a line, and comes to its account from one that is removed', async () => {
    const number = ownLine()
    await customer(desk.server, { lines: [number] })
    await using visited = await enterAsOperator(desk)
    const { page } = visited
    const probe = page.getByRole('button', { name: `Probe now: ${number}` })
    const card = page.getByRole('region').filter({ has: probe })
    const title = page.getByRole('heading', { name: await card.getByRole('heading').innerText() })
    await probe.focus()
    await staysAt(page, probe, 'POST', '**/probe')
    const remove = card.getByRole('button', { name: `Remove ${number}` })
    await tabTo(page, remove)
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter')
    await probe.waitFor({ state: 'detached' })
    await hasFocus(page, title)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('goes on from where they were once a button has brought all that it can', async () => {
    await using theirs = await startCustomerServer()
    await using visited = await enter(desk)
    const { page, account, line } = visited
    for (let n = 0; n < 60; n++) await account.write({ to_number: line })
    await account.write({ to_number: line, content: 'x'.repeat(2_000) })
    for (let n = 0; n < 40; n++) {
      if (n === 19) await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [theirs.url] })
      await account.write({ to_number: line, number: `+14155550${100 + n}` })
    }
    await goesTo(
      page,
      page.getByRole('button', { name: 'Show more' }),
      page.getByRole('link', { name: '+14155550100' }),
    )
    await openConversation(page)
    const long = log(page).locator('.bubble').last()
    await goesTo(page, log(page).getByRole('button', { name: 'Show all 2,000 characters' }), long)
    await goesTo(page, log(page).getByRole('button', { name: 'Show older' }), log(page))
    await page.getByRole('link', { name: 'Webhooks' }).click()
    const again = page.getByRole('button', { name: 'Send again' })
    const lastOfTheFirst = again.nth(19)
    await lastOfTheFirst.waitFor()
    // Whoever hears them one after the other knows which is which.
    const names = await again.evaluateAll((buttons) => buttons.map((button) => button.ariaLabel))
    assert.equal(new Set(names).size, 20)
    await goesTo(page, page.getByRole('button', { name: 'Show more' }), lastOfTheFirst)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('begins at the key where they sign in, at first and once a session ended elsewhere', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    const key = page.getByLabel('API key id')
    // With the call and not before it, since what the page asks for by itself would take the link away.
    await page.route('**/console/keys', async (route) => {
      await page.context().clearCookies()
      await route.continue()
    })
    await page.getByRole('link', { name: 'Settings' }).press('Enter')
    await hasFocus(page, key)
    await page.reload()
    await hasFocus(page, key)
    assert.deepEqual(visited.complaints, [])
  })

  test('goes on from where they were once what had failed is there', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    const again = page.getByRole('button', { name: 'Try again' })
    await page.route('**/console/lines', refuse)
    await page.getByRole('link', { name: 'Lines' }).click()
    await again.waitFor()
    await page.unroute('**/console/lines')
    await goesTo(page, again, page.getByRole('heading', { name: 'Lines' }))
    await page.route('**/console/conversations**', refuse)
    await page.getByRole('link', { name: 'Conversations' }).click()
    await again.waitFor()
    await page.unroute('**/console/conversations**')
    await goesTo(page, again, page.getByLabel('State'))
    assert.deepEqual(visited.complaints, [])
  })

  test('comes back from attaching something, and to what stands before it once it is removed', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    const attach = page.getByRole('button', { name: 'Attach', exact: true })
    await attach.press('Enter')
    await hasFocus(page, page.getByLabel('Where the attachment is'))
    await page.keyboard.press('Enter')
    const remove = page.getByRole('button', { name: 'Remove the attachment' })
    await remove.waitFor()
    await hasFocus(page, attach)
    await goesTo(page, remove, page.getByRole('region', { name: 'The contact’s phone' }).getByLabel('Service'))
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('stays at what they chose to see, and comes back to the row they had opened, where there is room for one alone', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    for (const number of ['+14155550150', CONTACT, '+14155550151']) await account.write({ to_number: line, number })
    await page.setViewportSize({ width: 390, height: 844 })
    await openConversation(page)
    for (const side of ['Their phone', 'Conversation']) {
      await page.getByRole('button', { name: side, exact: true, pressed: false }).press('Enter')
      await hasFocus(page, page.getByRole('button', { name: side, exact: true, pressed: true }))
    }
    await page.getByRole('link', { name: 'Back to the list' }).press('Enter')
    await hasFocus(page, page.getByRole('link', { name: CONTACT }))
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('hears whether what they copy was copied, also where the button has a name of its own', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await account.write({ to_number: line })
    await openConversation(page)
    await log(page).locator('.bubble').press('Enter')
    const [copy, said] = [page.getByRole('button', { name: 'Copy The message' }), page.getByRole('status')]
    await copy.press('Enter')
    await said.getByText('Copied', { exact: true }).waitFor()
    assert.match(await page.evaluate<string>('navigator.clipboard.readText()'), /"content": "Hello"/)
    await page.evaluate('delete Navigator.prototype.clipboard')
    await copy.press('Enter')
    await said.getByText('Not copied: select it').waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('can look at a secret that is hidden at first', async () => {
    await using visited = await enter(desk, { path: '/webhooks' })
    const { page, account } = visited
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: ['https://example.com/hook'] })
    const secret = page.getByLabel('Signs for all')
    await secret.press('Tab')
    assert.equal(await secret.getAttribute('type'), 'password')
    await page.keyboard.press('Enter')
    await secret.and(page.locator('[type=text]')).waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('comes from "Change" to the account whose plan was changed', async () => {
    const { accountId } = await customer(desk.server, { lines: [] })
    await using visited = await enterAsOperator(desk)
    const { page } = visited
    const card = page.getByRole('region').filter({ hasText: `${accountId} ·` })
    await card.getByLabel('Plan').fill('enterprise')
    await goesTo(page, card.getByRole('button', { name: 'Change' }), card.getByRole('heading'))
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})

async function staysAtMarkRead(page: Page): Promise<void> {
  const mark = page.getByRole('button', { name: 'Mark read' })
  await mark.focus()
  await staysAt(page, mark, 'POST', '**/api/mark-read')
  await hasFocus(page, mark)
}
