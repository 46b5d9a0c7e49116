import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { enter, log, openConversation, openDesk, phone } from './support/dashboard.ts'
import { requireDashboard } from './support/requires.ts'

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
})
