import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { visit } from './support/browser.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { enter, enterAsOperator, log, openConversation, openDesk, reads, refuse } from './support/dashboard.ts'
import { CONTACT, customer } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

describe('the dashboard', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('says which view it cannot show of what the server answers, keeps the others, and shows it when asked again', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await page.route('**/readback/v1/webhooks', (route) => route.fulfill({ json: { data: [null] } }))
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await page.getByRole('alert').getByText('This cannot be shown').waitFor()
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByText('What did not go out').waitFor()
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await page.unroute('**/readback/v1/webhooks')
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('No endpoint yet').waitFor()
  })

  test('says of a conversation that is not there that it is not, whatever else changes', async () => {
    await using visited = await enter(desk, { path: '/conversations/conv_0' })
    const { page, account, line } = visited
    const again = page.getByRole('alert').getByRole('button', { name: 'Try again' })
    await again.focus()
    await account.write({ to_number: line })
    await page.getByRole('link', { name: new RegExp(`\\${CONTACT}`) }).waitFor()
    await again.and(page.locator(':focus')).waitFor()
    const asked = page.waitForResponse('**/console/conversations/conv_0')
    await page.keyboard.press('Enter')
    assert.equal((await asked).status(), 404)
    assert.deepEqual(visited.complaints, [])
  })

  test('asks again for what broke off in the middle', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await page.route(
      '**/console/lines',
      (route) => route.fulfill({ contentType: 'application/json', body: '{"data":[' }),
      {
        times: 1,
      },
    )
    await page.goto(`${desk.server.base}/lines`)
    await page.getByRole('button', { name: 'Probe now' }).waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('says where it is seen that more of the list could not be fetched, and fetches it when asked again', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    for (let n = 0; n < 60; n++)
      await account.write({ to_number: line, number: `+1415555${String(100 + n).padStart(4, '0')}` })
    await page.route('**/conversations?*cursor=*', refuse)
    await page.getByRole('button', { name: 'Show more' }).click()
    const alert = page.getByRole('region', { name: 'Conversations' }).getByRole('alert')
    await alert.getByText('Not right now').waitFor()
    const { y = 0, height = 0 } = (await alert.boundingBox()) ?? {}
    assert.ok(height > 0 && y >= 0 && y + height <= 900, `from ${y} on, ${height} high`)
    await page.unroute('**/conversations?*cursor=*')
    await alert.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('link', { name: '+14155550100' }).waitFor()
    await alert.waitFor({ state: 'detached' })
  })

  test('says where it is seen that more webhooks could not be fetched, until they are', async () => {
    await using theirs = await startCustomerServer()
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [theirs.url] })
    for (let n = 0; n < 30; n++) await account.write({ to_number: line })
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await page.route('**/webhook-deliveries?*cursor=*', refuse)
    await page.getByRole('button', { name: 'Show more' }).click()
    const alert = page.getByRole('alert')
    await alert.getByText('Not right now').waitFor()
    const newest = page.getByRole('button', { name: /^Send again/ }).first()
    const before = await newest.getAttribute('aria-label')
    await account.write({ to_number: line })
    const label = () => newest.getAttribute('aria-label')
    await until('what was sent since to be shown', label, (shown) => shown !== before)
    const { y = 0 } = (await alert.boundingBox()) ?? {}
    assert.ok(y > 0 && y < 850, `from ${y} on`)
    await page.unroute('**/webhook-deliveries?*cursor=*')
    await alert.getByRole('button', { name: 'Try again' }).click()
    await alert.waitFor({ state: 'detached' })
  })

  test('says nothing of what could not be fetched of a list once another is looked at', async () => {
    await using theirs = await startCustomerServer()
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [theirs.url] })
    for (let n = 0; n < 60; n++)
      await account.write({ to_number: line, number: `+1415555${String(100 + n).padStart(4, '0')}` })
    await page.route('**/console/**cursor=*', refuse)
    const alert = page.getByRole('alert')
    for (const [view, filter, other] of [
      ['Conversations', 'Service', 'RCS'],
      ['Webhooks', 'State', 'failed'],
    ] as const) {
      await page.getByRole('link', { name: view }).click()
      await page.getByRole('button', { name: 'Show more' }).click()
      await alert.getByText('Not right now').waitFor()
      await page.getByLabel(filter, { exact: true }).selectOption(other)
      await page.getByText('Nothing matches', { exact: true }).waitFor()
      await alert.waitFor({ state: 'detached' })
    }
  })

  test('says that it could not fetch what signs for webhooks, until it is there', async () => {
    await using visited = await enter(desk)
    const { page, account } = visited
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: ['https://example.com/hook'] })
    await page.route('**/console/api/account/webhooks', refuse)
    await page.route('**/console/events', refuse)
    await page.goto(`${desk.server.base}/webhooks`)
    const alert = page.getByRole('alert')
    await alert.getByText('Not right now').waitFor()
    await page.unroute('**/console/api/account/webhooks')
    await alert.getByRole('button', { name: 'Try again' }).click()
    await page.getByLabel('Signs for all').waitFor()
    await alert.waitFor({ state: 'detached' })
  })

  test('says that it does not know the lines whose conversations it lists, until it does', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await page.route('**/console/lines', refuse)
    // What happens on the server would have them asked again by itself.
    await page.route('**/console/events', refuse)
    await page.reload()
    const alert = page.getByRole('alert')
    await alert.getByText('Not right now').waitFor()
    await page.getByRole('link', { name: new RegExp(`\\${CONTACT}`) }).waitFor()
    await page.unroute('**/console/lines')
    await alert.getByRole('button', { name: 'Try again' }).click()
    await alert.waitFor({ state: 'detached' })
    await page.getByLabel('Line', { exact: true }).selectOption(line)
  })

  test('says that it does not know what lines there may be, until it does', async () => {
    await customer(desk.server, { lines: [] })
    await using visited = await enterAsOperator(desk)
    const { page } = visited
    await page.getByRole('button', { name: 'Add a line' }).first().waitFor()
    await page.route('**/operator/connectors', refuse)
    // What happens on the server would have it asked again by itself.
    await page.route('**/console/events', refuse)
    await page.reload()
    const alert = page.getByRole('alert')
    await alert.getByText('Not right now').waitFor()
    await page.unroute('**/operator/connectors')
    await alert.getByRole('button', { name: 'Try again' }).click()
    await alert.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Add a line' }).first().click()
    await page.getByLabel('Connector').selectOption('bluebubbles')
  })

  test('comes by itself once it can be asked who is signed in', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await page.route('**/console/session', refuse)
    await page.reload()
    await page.getByText('Not right now').waitFor()
    await page.unroute('**/console/session')
    await page.getByText('Nobody has written yet').waitFor()
  })

  test('goes on to say that it cannot be asked who is signed in while it is asked again', async () => {
    await using visited = await visit(desk.browser, desk.server.base)
    const { page } = visited
    let asked = 0
    await page.route('**/console/session', (route) => {
      asked++
      return refuse(route)
    })
    await page.reload()
    const again = page.getByRole('button', { name: 'Try again' })
    await again.focus()
    const before = asked
    await until(
      'it to be asked again',
      () => asked,
      (times) => times > before + 1,
    )
    await again.and(page.locator(':focus')).waitFor()
    assert.deepEqual(visited.complaints, [])
  })

  test('does not say that it asks again for what it does not, nor that somebody is signed out who is not', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    await page.route('**/console/api/mark-read', (route) => route.abort())
    await page.getByRole('button', { name: 'Mark read' }).click()
    await page.getByRole('alert').getByText('try again').waitFor()
    assert.equal(await page.getByText('It is asked again').count(), 0)
    await page.route('**/console/session', refuse)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('alert').getByText('Not right now').waitFor()
    await page.getByRole('button', { name: 'Mark read' }).waitFor()
  })

  test('says in its title what is shown, and to whoever listens whether it follows what happens', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    const titled = (title: string) =>
      until(
        'the title',
        () => page.title(),
        (shown) => shown === `${title} · Readback`,
      )
    await titled('Conversations')
    await page.getByRole('link', { name: 'Overview' }).click()
    await titled('Overview')
    await page.route('**/console/events', refuse)
    await page.reload()
    await page.getByRole('status').getByText('Connecting to the server…').waitFor({ state: 'attached' })
    const away = page.getByText('what is shown may be old')
    await away.waitFor({ state: 'visible' })
    await page.unroute('**/console/events')
    await page.getByRole('status').getByText('Live: what is shown').waitFor({ state: 'attached' })
    await away.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Sign out' }).click()
    await titled('Sign in')
    assert.deepEqual(visited.complaints, [])
  })

  test('goes on where the browser alone thinks that there is no network', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    await page.evaluate('window.dispatchEvent(new Event("offline"))')
    await page.getByRole('button', { name: 'Mark read' }).click()
    await reads(page, 1)
    await log(page).getByText('sent', { exact: true }).waitFor()
  })
})
