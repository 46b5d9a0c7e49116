import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { enterAsOperator, holds, isChecked, openDesk } from './support/dashboard.ts'
import { customer } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'

describe('what an operator typed in the dashboard', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('is there again where one comes back to a new line or to another connector of it, unless it was cancelled', async () => {
    const { accountId } = await customer(desk.server, { lines: [] })
    await using visited = await enterAsOperator(desk)
    const { page } = visited
    const card = page.getByRole('region').filter({ hasText: `${accountId} ·` })
    const add = card.getByRole('button', { name: 'Add a line' })
    const [number, connector, password] = [
      card.getByLabel('Number'),
      card.getByLabel('Connector'),
      card.getByRole('textbox', { name: /password/i }),
    ]
    await add.click()
    await number.fill('+14155550100')
    await connector.selectOption('bluebubbles')
    await password.fill('a-password')
    await connector.selectOption('simulator')
    await connector.selectOption('bluebubbles')
    assert.equal(await password.inputValue(), 'a-password')
    await page.evaluate('history.pushState(null, "", "/elsewhere")')
    await add.click()
    assert.deepEqual(await Promise.all([number, connector, password].map((field) => field.inputValue())), [
      '+14155550100',
      'bluebubbles',
      'a-password',
    ])
    await card.getByRole('button', { name: 'Cancel' }).click()
    await add.click()
    assert.equal(await number.inputValue(), '')
    await connector.selectOption('bluebubbles')
    assert.equal(await password.inputValue(), '')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('stays where it is the next line, typed while one that was cancelled is on its way', async () => {
    const { accountId } = await customer(desk.server, { lines: [] })
    await using visited = await enterAsOperator(desk)
    const { page } = visited
    const card = page.getByRole('region').filter({ hasText: `${accountId} ·` })
    const add = card.getByRole('button', { name: 'Add a line' })
    const number = card.getByLabel('Number')
    await add.click()
    await number.fill('+14155550102')
    await card.getByLabel('Connector').selectOption('simulator')
    const typed = Promise.withResolvers<void>()
    await page.route('**/operator/accounts/*/lines', async (route) => {
      await typed.promise
      await route.continue()
    })
    await card.getByRole('button', { name: 'Add the line' }).click()
    await card.getByRole('button', { name: 'Cancel' }).click()
    await add.click()
    await number.fill('+14155550103')
    typed.resolve()
    await card.getByRole('button', { name: 'Probe now: +14155550102' }).waitFor()
    assert.equal(await number.inputValue(), '+14155550103')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('is gone with the form of a line’s settings, a password above all', async () => {
    const { accountId } = await customer(desk.server, { lines: [] })
    const number = '+14155550101'
    const settings = { url: 'http://127.0.0.1:9', password: 'the-one-it-has' }
    const draft = { number, connector: 'bluebubbles', settings }
    await desk.server.operator.must(201, 'POST', `/operator/accounts/${accountId}/lines`, draft)
    await using visited = await enterAsOperator(desk)
    const { page } = visited
    const toggle = page.getByRole('button', { name: `Settings: ${number}` })
    const password = page.getByRole('textbox', { name: /password/i })
    await toggle.click()
    await password.fill('another')
    await toggle.click()
    await password.waitFor({ state: 'detached' })
    await toggle.click()
    assert.equal(await password.inputValue(), '')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('stays where an account’s plan is changed elsewhere meanwhile', async () => {
    const { accountId } = await customer(desk.server, { lines: [] })
    await using visited = await enterAsOperator(desk)
    const { page } = visited
    const card = page.getByRole('region').filter({ hasText: `${accountId} ·` })
    await card.getByLabel('Plan').fill('enterpri')
    const changed = { plan: 'inbound', read_receipts_enabled: false }
    await desk.server.operator.must(200, 'PATCH', `/operator/accounts/${accountId}`, changed)
    await isChecked(card.getByRole('switch', { name: 'Read receipts enabled' }), false)
    assert.equal(await card.getByLabel('Plan').inputValue(), 'enterpri')
    await page.evaluate('history.pushState(null, "", "/elsewhere")')
    await page.evaluate('history.back()')
    await holds(card.getByLabel('Plan'), 'enterpri')
    await card.getByLabel('Plan').fill('')
    await card.getByRole('button', { name: 'Change' }).waitFor()
    await card.getByLabel('Plan').fill('inbound')
    await card.getByRole('button', { name: 'Change' }).waitFor({ state: 'detached' })
    await desk.server.operator.must(200, 'PATCH', `/operator/accounts/${accountId}`, { plan: 'free_api' })
    await holds(card.getByLabel('Plan'), 'free_api')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
  test('is there again where one comes back to a new account, and so is its secret until it is put away', async () => {
    await using visited = await enterAsOperator(desk)
    const { page } = visited
    const open = page.getByRole('button', { name: 'New account' })
    const fields = page.getByRole('dialog')
    const [email, plan, enabled] = [
      fields.getByLabel('E-mail'),
      fields.getByLabel('Plan'),
      fields.getByRole('switch', { name: 'Read receipts enabled' }),
    ]
    const former = page.locator('[role=dialog][data-former]')
    const comeBack = async () => {
      await page.evaluate('document.querySelector("[role=dialog]")?.setAttribute("data-former", "")')
      await page.evaluate('history.pushState(null, "", "/elsewhere")')
      await former.waitFor({ state: 'detached' })
    }
    await open.click()
    await email.fill('ada@example.com')
    await plan.fill('inbound')
    await enabled.uncheck()
    await comeBack()
    await open.click()
    assert.deepEqual(
      [await email.inputValue(), await plan.inputValue(), await enabled.isChecked()],
      ['ada@example.com', 'inbound', false],
    )
    await fields.getByRole('button', { name: 'Create' }).click()
    const secret = fields.getByLabel('API secret key')
    const made = await secret.inputValue()
    await comeBack()
    assert.equal(await secret.inputValue(), made)
    await fields.getByRole('button', { name: 'Close' }).click()
    await fields.waitFor({ state: 'detached' })
    const card = page.getByRole('region', { name: 'ada@example.com' })
    assert.equal(await card.getByRole('switch', { name: 'Read receipts enabled' }).isChecked(), false)
    assert.equal(await card.getByLabel('Plan').inputValue(), 'inbound')
    await comeBack()
    await open.click()
    assert.deepEqual([await email.inputValue(), await enabled.isChecked()], ['', true])
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})
