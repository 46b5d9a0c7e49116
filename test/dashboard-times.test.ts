import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { enter, log, openConversation, openDesk } from './support/dashboard.ts'
import { requireDashboard } from './support/requires.ts'

const DAY_MS = 86_400_000

describe('a time in the dashboard', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('names the day where that was not today, and the year where it was long ago', async () => {
    await using visited = await enter(desk, { auto: true })
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    const time = log(page).locator('.receipt time')
    const at = new Date((await time.getAttribute('datetime')) ?? '')
    const day = at.toLocaleDateString('en-US', { day: 'numeric', month: 'short' })
    for (const [days, named] of [
      [3, `${day}, `],
      [300, `${day}, ${at.getFullYear()}, `],
    ] as const) {
      await page.clock.setFixedTime(Date.now() + days * DAY_MS)
      await page.reload()
      assert.match(await time.innerText(), new RegExp(`^${named}\\d\\d:\\d\\d:\\d\\d`))
    }
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('names its day once that is over, though nothing else happens', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await page.clock.install()
    await page.goto(`${desk.server.base}/settings`)
    await page.getByRole('status').getByText('Live').waitFor({ state: 'attached' })
    const time = page.getByRole('listitem').locator('time')
    assert.match(await time.innerText(), /^\d\d:\d\d/)
    await page.clock.setSystemTime(Date.now() + DAY_MS)
    // Sooner than it would connect anew.
    await page.clock.runFor(30_000)
    assert.match(await time.innerText(), /^[A-Z][a-z]{2} \d/)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})
