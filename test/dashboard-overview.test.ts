import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { signIn, visit } from './support/browser.ts'
import { enter, openDesk, refuse } from './support/dashboard.ts'
import { CONTACT, customer } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'

describe('the overview in the dashboard', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('says that it cannot be fetched, and not that there are no lines', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    let away = true
    await page.route('**/console/overview', (route) => (away ? refuse(route) : route.continue()))
    // Once it hears of changes it asks by itself.
    await page.route('**/console/events', refuse)
    await page.goto(`${desk.server.base}/overview`)
    await page.getByRole('alert').getByText('Not right now').waitFor()
    assert.equal(await page.getByText('the operator adds them').count(), 0)
    away = false
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('online').waitFor()
    assert.deepEqual(visited.complaints, [])
  })

  test('says that none failed, and not that all went out, where one waits', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.must(200, 'PUT', '/simulator/carrier', { from_number: line, offline: true })
    await account.write({ to_number: line })
    await account.markRead(CONTACT, line)
    await page.getByRole('link', { name: 'Overview' }).click()
    const unsent = page.getByRole('region', { name: 'What did not go out' })
    await unsent.getByText('None was skipped, failed or expired').waitFor()
    assert.equal(await unsent.getByText('went out').count(), 0)
    assert.equal(await page.locator('.card', { hasText: 'Queued now' }).locator('.figure').innerText(), '1')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('says of an account without lines that it has 0', async () => {
    const { keys } = await customer(desk.server, { lines: [] })
    await using visited = await visit(desk.browser, `${desk.server.base}/overview`)
    const { page } = visited
    await signIn(page, { keys })
    const card = page.locator('.card', { hasText: 'the operator adds them' })
    assert.equal(await card.locator('.figure').innerText(), '0')
    assert.deepEqual(visited.complaints, [])
  })

  test('shows the rest where a server of the version before counts no lines', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await page.route('**/console/overview', async (route) => {
      const { lines: _, ...answer } = await (await route.fetch()).json()
      await route.fulfill({ json: answer })
    })
    await page.getByRole('link', { name: 'Overview' }).click()
    const figure = (name: string) => page.locator('.card', { hasText: name }).locator('.figure').first().innerText()
    await page.getByText('Queued now').waitFor()
    assert.deepEqual([await figure('Queued now'), await figure('Lines')], ['0', '–'])
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('writes thousands as such', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await page.route('**/console/overview', async (route) => {
      const answer = await (await route.fetch()).json()
      await route.fulfill({ json: { ...answer, receipts: [{ at: answer.now, state: 'sent', receipts: 12_345 }] } })
    })
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByRole('img', { name: '12,345 receipts in the last hour, 12,345 in the busiest minute' }).waitFor()
    await page.getByText('at most 12,345 a minute').waitFor()
    await page.getByTitle('12,345 sent').waitFor()
    // Also to whoever cannot point at it.
    await page.getByText('Minute by minute').press('Enter')
    const told = page.getByRole('list', { name: 'Minutes with receipts' }).getByRole('listitem')
    assert.match((await told.allInnerTexts()).join(), /^\d+:\d\d [AP]M: 12,345 sent$/)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('goes on with the hour where nothing happens, and counts nothing in one that had nothing', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await account.settled(await account.markRead(CONTACT, line))
    await page.clock.install()
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByRole('img', { name: '1 receipt in the last hour, 1 in the busiest minute' }).waitFor()
    // As the server answers an hour later.
    await page.route('**/console/overview', async (route) => {
      const answer = await (await route.fetch()).json()
      await route.fulfill({ json: { ...answer, receipts: [] } })
    })
    await page.clock.runFor(60_000)
    await page.getByRole('img', { name: '0 receipts in the last hour', exact: true }).waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})
