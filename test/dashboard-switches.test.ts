import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import {
  enter,
  enterAsOperator,
  IMPATIENT,
  log,
  openConversation,
  openDesk,
  phone,
  reads,
} from './support/dashboard.ts'
import { customer } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

describe('a switch or a knob of the dashboard', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('that is turned and turned back at once ends as it was left', async () => {
    await using visited = await enter(desk, { path: '/settings' })
    const { page, account } = visited
    const held = await holdFirst(page, 'POST', '**/settings/auto-mark-read')
    await turn(page, 'Auto mark-read', true)
    await turn(page, 'Auto mark-read', false)
    held.release()
    await until(
      'both to be answered',
      async () => held.told.length,
      (told) => told === 4,
    )
    assert.deepEqual(held.told, ['sent 1', 'answered 1', 'sent 2', 'answered 2'])
    const { body } = await account.must(200, 'GET', '/accounts/settings/auto-mark-read')
    assert.equal(body.auto_mark_read, false)
    assert.deepEqual(visited.complaints, [])
  })

  test('shows what it was turned to, though another is turned before the server has it', async () => {
    const { accountId } = await customer(desk.server)
    await using visited = await enterAsOperator(desk)
    const { page } = visited
    const held = await holdFirst(page, 'PATCH', `**/operator/accounts/${accountId}`)
    const card = page.getByRole('region').filter({ hasText: `${accountId} ` })
    await turn(card, 'Read receipts enabled', false)
    await turn(card, 'Disabled', true)
    assert.equal(await card.getByRole('switch', { name: 'Read receipts enabled' }).isChecked(), false)
    held.release()
    await until(
      'both to be answered',
      async () => held.told.length,
      (told) => told === 4,
    )
    await turn(card, 'Disabled', false)
    await until(
      'all to be answered',
      async () => held.told.length,
      (told) => told === 6,
    )
    assert.equal(await card.getByRole('switch', { name: 'Read receipts enabled' }).isChecked(), false)
    assert.deepEqual(visited.complaints, [])
  })

  test('that the server never answers is given up, and holds the next one no longer', async () => {
    await using visited = await enter(desk)
    const { page, account } = visited
    await page.addInitScript(IMPATIENT)
    await page.goto(`${desk.server.base}/settings`)
    await page.route('**/settings/auto-mark-read', () => {}, { times: 1 })
    await turn(page, 'Auto mark-read', true)
    await page.getByRole('alert').getByText('Whether it heard of this nobody can tell').waitFor()
    await turn(page, 'Auto mark-read', true)
    await until(
      'it to be switched on',
      async () => (await account.must(200, 'GET', '/accounts/settings/auto-mark-read')).body.auto_mark_read,
      (on) => on === true,
    )
  })

  test('shows a receipt as queued while the carrier is offline, and sent when the knob is turned back', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    await page.getByText('Offline', { exact: true }).click()
    const offline = () => account.must(200, 'GET', `/simulator/carrier?from_number=${encodeURIComponent(line)}`)
    await until('the knob to be turned', offline, ({ body }) => body.offline === true)
    await page.getByRole('button', { name: 'Mark read' }).click()
    await log(page).getByText('queued', { exact: true }).waitFor()
    await log(page).getByText('unreachable.').waitFor()
    await phone(page).getByText('Read receipt waits').waitFor()
    await page.getByText('Well', { exact: true }).click()
    await log(page).getByText('sent', { exact: true }).waitFor()
    await reads(page, 1)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('shows how the carrier is again where nothing was typed over it', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.must(200, 'PUT', '/simulator/carrier', { from_number: line, latency_ms: 250 })
    await account.write({ to_number: line })
    await openConversation(page)
    await page.getByText('Exactly how').click()
    const takes = page.getByLabel('Call takes (ms)')
    await takes.fill('')
    await takes.press('Tab')
    await until(
      'the knob to say how it is',
      () => takes.inputValue(),
      (shown) => shown === '250',
    )
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('shows a carrier as it was chosen while that is on its way', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    const held = Promise.withResolvers<void>()
    await page.route('**/simulator/carrier', async (route) => {
      await held.promise
      await route.continue()
    })
    const asked = page.waitForRequest('**/simulator/carrier')
    await page.getByText('Slow', { exact: true }).click()
    await asked
    const slow = page.getByRole('radio', { name: 'Slow' })
    await until(
      'the choice to be shown',
      () => slow.isChecked(),
      (shown) => shown,
    )
    held.resolve()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})

async function turn(where: Pick<Page, 'getByRole'>, name: string, wanted: boolean): Promise<void> {
  const shown = where.getByRole('switch', { name })
  await shown.click({ force: true })
  await until(
    `"${name}" to be shown as turned`,
    () => shown.isChecked(),
    (checked) => checked === wanted,
  )
}

/** The first such call reaches the server once it is released, and what is told is in which order the server has them. */
async function holdFirst(page: Page, method: string, url: string) {
  const told: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  let calls = 0
  await page.route(url, async (route) => {
    if (route.request().method() !== method) return route.continue()
    calls += 1
    const call = calls
    if (call === 1) await promise
    told.push(`sent ${call}`)
    const response = await route.fetch()
    told.push(`answered ${call}`)
    await route.fulfill({ response })
  })
  return { told, release: resolve }
}
