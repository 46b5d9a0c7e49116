import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { signIn, visit } from './support/browser.ts'
import { enter, enterAsOperator, isChecked, openConversation, openDesk } from './support/dashboard.ts'
import { CONTACT, customer } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

describe('the dashboard', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('shows nobody what somebody else had before them in the same tab', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line, content: 'For the first alone' })
    await openConversation(page)
    // As when the session ends elsewhere: with the call and not before it, since what the page asks for by itself would
    // take the button away.
    await page.route('**/console/api/mark-read', async (route) => {
      await page.context().clearCookies()
      await route.continue()
    })
    await page.getByRole('button', { name: 'Mark read' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    const held = Promise.withResolvers<void>()
    await page.route('**/console/conversations**', async (route) => {
      await held.promise
      await route.continue()
    })
    await signIn(page, await customer(desk.server, { lines: [] }))
    assert.equal(await page.getByText(CONTACT).count(), 0)
    assert.equal(await page.getByText('For the first alone').count(), 0)
    held.resolve()
    await page.getByText('No such conversation').waitFor()
  })

  test('sends nothing in the name of one that another had changed before them in the same tab', async () => {
    await using visited = await enter(desk, { path: '/settings' })
    const { page, account, line } = visited
    const answer = Promise.withResolvers<void>()
    const onItsWay = Promise.withResolvers<void>()
    const sent: unknown[] = []
    await page.route('**/console/accounts/settings/auto-mark-read', async (route) => {
      sent.push(route.request().postDataJSON().auto_mark_read)
      if (sent.length > 1) return route.continue()
      onItsWay.resolve()
      await answer.promise
      await route.abort()
    })
    const auto = page.getByRole('switch')
    await auto.press('Space')
    await onItsWay.promise
    for (const on of [false, true]) {
      await auto.press('Space')
      await isChecked(auto, on)
    }
    await page.context().clearCookies()
    await account.write({ to_number: line })
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    const other = await customer(desk.server, { lines: [] })
    await signIn(page, other)
    answer.resolve()
    for (const on of [true, false]) {
      await auto.press('Space')
      await isChecked(auto, on)
    }
    const setting = () => other.must(200, 'GET', '/accounts/settings/auto-mark-read')
    await until(
      'both to be taken',
      () => sent.length,
      (calls) => calls >= 3,
    )
    await until(
      'it to be off',
      async () => (await setting()).body.auto_mark_read,
      (on) => on === false,
    )
    assert.deepEqual(sent, [true, true, false])
  })

  test('takes a link that is pasted where it is open, and leaves no trace of it', async () => {
    await using visited = await visit(desk.browser, desk.server.base)
    const { page } = visited
    await page.getByLabel('API key id').waitFor()
    await page.goto(`${desk.server.base}/#sign-in=a-link-of-nobody`)
    await page.getByRole('alert').waitFor()
    assert.ok(!page.url().includes('#'), page.url())
    await signIn(page, await customer(desk.server, { lines: [] }))
    await page.getByText('Nobody has written yet').waitFor()
    assert.equal(await page.getByRole('alert').count(), 0, 'the link is of no concern once one is in by a key')
  })

  test('shows whoever is lost the way back, and a program what it always does', async () => {
    await using visited = await enter(desk, { path: '/nowhere' })
    await visited.page.getByRole('heading', { level: 1, name: 'There is nothing here' }).waitFor()
    await visited.page.getByRole('link', { name: 'Back to your conversations' }).click()
    await visited.page.getByText('Nobody has written yet').waitFor()
    await visited.page.getByRole('heading', { level: 1, name: 'Conversations' }).waitFor()
    await visited.page.goto(`${desk.server.base}/conversations/conv_zzzz`)
    await visited.page.getByText('No such conversation').waitFor()
    await visited.page.getByRole('heading', { level: 1, name: 'Conversation' }).waitFor()
    const answer = await fetch(`${desk.server.base}/nowhere`)
    assert.deepEqual(
      [answer.status, await answer.json()],
      [404, { status: 'ERROR', message: 'There is no such endpoint' }],
    )
    const page = await fetch(`${desk.server.base}/nowhere`, { headers: { accept: 'text/html,*/*' } })
    assert.deepEqual([page.status, page.headers.get('content-type')], [404, 'text/html; charset=utf-8'])
  })

  test('shows an operator the secret of a new account whatever they press, and fits on a phone', async () => {
    await using visited = await enterAsOperator(desk)
    const { page } = visited
    await page.getByRole('button', { name: 'New account' }).click()
    await page.getByLabel('E-mail').fill(`${'somebody-with-a-long-name'.repeat(4)}@example.com`.slice(-64))
    const held = Promise.withResolvers<void>()
    await page.route('**/operator/accounts', async (route) => {
      if (route.request().method() === 'POST') await held.promise
      await route.continue()
    })
    await page.evaluate(`
      const create = document.querySelector('[role=dialog] button[type=submit]')
      create.click()
      create.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))`)
    await page.locator('button[type=submit][aria-busy=true]').waitFor()
    await page.keyboard.press('Escape')
    held.resolve()
    await page.getByText('The secret is shown this once').waitFor()
    await page.keyboard.press('Escape')
    assert.match(await page.getByLabel('API secret key').inputValue(), /^[\w-]{43}$/)
    await page.evaluate('delete Navigator.prototype.clipboard')
    await page.getByRole('button', { name: 'Copy the secret' }).click()
    await page.getByRole('button', { name: 'Not copied: select it' }).waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
    await page.setViewportSize({ width: 390, height: 844 })
    await until(
      'nothing to stick out',
      () => page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'),
      (fits) => fits,
    )
  })
})
