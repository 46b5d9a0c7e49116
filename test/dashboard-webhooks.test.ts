import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { complaintsOfAxe, enter, openDesk } from './support/dashboard.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'
import { addWebhooks } from './support/webhooks.ts'

describe('webhooks in the dashboard', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('show the newest endpoints of a hundred, more where more are asked for, and any that is looked for', async () => {
    await using visited = await enter(desk)
    const { page, account } = visited
    const url = (n: number) => `http://127.0.0.1:9/hook-${n}`
    const urls = Array.from({ length: 99 }, (_, n) => url(n))
    await addWebhooks(account, urls)
    await page.getByRole('link', { name: 'Webhooks' }).click()
    const rows = page.getByRole('region', { name: 'Endpoints' }).getByRole('listitem')
    const showing = (count: number) =>
      until(
        `${count} endpoints`,
        () => rows.count(),
        (shown) => shown === count,
      )
    await showing(10)
    await page.getByRole('textbox', { name: 'URL', exact: true }).fill(url(99))
    await page.getByRole('button', { name: 'Add', exact: true }).press('Enter')
    await rows.first().getByText(url(99)).waitFor()
    await showing(10)
    assert.deepEqual(await complaintsOfAxe(page), [])
    await page.getByRole('button', { name: 'Show more' }).press('Enter')
    await showing(20)
    const search = page.getByRole('textbox', { name: 'Search by URL' })
    await search.fill('hook-42')
    await showing(1)
    await page.getByRole('button', { name: `Remove ${url(42)}` }).press('Enter')
    await page.getByRole('button', { name: `Really remove ${url(42)}` }).press('Enter')
    await page.getByText('Nothing matches').waitFor()
    await page.getByRole('heading', { name: 'Endpoints' }).and(page.locator(':focus')).waitFor()
    await search.fill('')
    await showing(10)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})
