import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { complaintsOfAxe, type Desk, enter, log, openConversation, openDesk, phone } from './support/dashboard.ts'
import { fillingSqlite } from './support/filling.ts'
import type { Customer } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

describe('the dashboard, for those who have a lot,', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('scrolls a long conversation, and never the page around it', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line, content: 'Hello '.repeat(1_600) })
    for (let n = 0; n < 20; n++) await account.write({ to_number: line, content: `Message ${n}` })
    await openConversation(page)
    for (const [width, height] of [
      [1440, 900],
      [390, 844],
      [320, 640],
    ] as const) {
      await page.setViewportSize({ width, height })
      for (const side of width > 1180 ? [] : ['Their phone', 'Conversation']) {
        await page.getByRole('button', { name: side }).click()
        await (side === 'Conversation' ? log : phone)(page).getByText('Message 19').waitFor()
        assert.equal(await page.evaluate('document.documentElement.scrollHeight'), height, `${side} at ${width}`)
      }
      assert.equal(await page.evaluate('document.documentElement.scrollHeight'), height, `${width}`)
    }
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
  test('shows the first lines of a thousand, more where more are asked for, and any that is looked for', async () => {
    await using visited = await enter(desk)
    const { page, account } = visited
    await addLines(desk, account, 1_000)
    await page.getByRole('link', { name: 'Lines' }).click()
    const cards = page.getByRole('main').getByRole('region')
    const showing = (count: number) =>
      until(
        `${count} lines`,
        () => cards.count(),
        (shown) => shown === count,
      )
    await showing(50)
    await page.getByRole('button', { name: 'Show more' }).press('Enter')
    await showing(100)
    await page.getByRole('textbox', { name: 'Search by number' }).fill('(415) 556-0987')
    await showing(1)
    await page.getByRole('region', { name: '+14155560987' }).getByRole('button', { name: 'Probe now' }).waitFor()
    await page.getByRole('textbox', { name: 'Search by number' }).fill('+1999')
    await page.getByText('Nothing matches').waitFor()
    assert.deepEqual(await complaintsOfAxe(page), [])
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})

/** As many simulated lines as an operator would have to add one after the other. */
async function addLines({ server }: Desk, { accountId }: Customer, count: number): Promise<void> {
  await using filling = fillingSqlite({ path: server.dataDir })
  await filling.fill(
    count,
    `insert into lines (account_id, number, connector, settings, inbound_secret, inbound_secret_hash, to_enrol, paused, status, created_at)
      select account_id, '+1415' || (5560000 + n), connector, settings, inbound_secret, hex(randomblob(32)), 0, 0, 'ONLINE', created_at
      from lines cross join series where account_id = ${Number.parseInt(accountId.slice(5), 36)}`,
  )
}
