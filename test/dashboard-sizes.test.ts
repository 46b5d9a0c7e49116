import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Locator } from 'playwright-core'
import { signIn, visit } from './support/browser.ts'
import { enter, enterAsOperator, log, openConversation, openDesk, phone } from './support/dashboard.ts'
import { CONTACT, customer } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { ownLine } from './support/shared.ts'

describe('the dashboard, whatever the size of its window,', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('has each of its views where a finger finds it, at every width', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await page.setViewportSize({ width: 320, height: 568 })
    const cutOff = `[...document.querySelectorAll('.tab')].filter((tab) => tab.scrollWidth > tab.clientWidth).map((tab) => tab.title)`
    assert.deepEqual(await page.evaluate(cutOff), [], 'each has room for its name')
    for (const width of [390, 721, 768, 860, 1024]) {
      await page.setViewportSize({ width, height: 900 })
      const last = page.getByRole('link', { name: 'Settings' })
      const box = await last.boundingBox()
      assert.ok(box !== null)
      for (const x of [box.x + 2, box.x + box.width / 2, box.x + box.width - 2]) {
        const there: string = `document.elementFromPoint(${x}, ${box.y + box.height / 2})?.closest('a')?.title`
        assert.equal(await page.evaluate(there), 'Settings', `${width} px`)
      }
    }
  })

  test('shows more than what frames it on a phone that lies on its side, and on a page at 400 %', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    for (let n = 0; n < 9; n++) await account.write({ to_number: line, content: `Message ${n}` })
    await openConversation(page)
    for (const [width, height, least] of [
      [320, 256, 80],
      [568, 320, 140],
      [667, 320, 140],
    ] as const) {
      await page.setViewportSize({ width, height })
      const shown = await boxOf(log(page))
      assert.ok(shown.height >= least, `${shown.height} pixels of the conversation at ${width}`)
      const cutOff = `(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)(document.querySelector('h1'))`
      assert.equal(await page.evaluate(cutOff), false, 'the number can be read')
      if (width < 560) continue
      await page.getByRole('button', { name: 'Their phone' }).first().click()
      const keyboard = await boxOf(page.getByLabel('Write as the contact', { exact: true }))
      assert.ok(keyboard.y + keyboard.height <= 320, 'the phone can be written on')
      assert.ok((await boxOf(phone(page))).height >= 60)
      await page.getByRole('button', { name: 'Conversation' }).last().click()
    }
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('leaves room for the conversation where nothing works on the narrowest phone, and for all of it once that is closed', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    for (let n = 0; n < 9; n++) await account.write({ to_number: line, content: `Message ${n}` })
    await openConversation(page)
    await page.setViewportSize({ width: 320, height: 568 })
    const whole = await boxOf(log(page))
    for (const path of ['mark-read', 'send-message']) await page.route(`**/api/${path}`, (route) => route.abort())
    const reply = page.getByLabel('Reply as the line', { exact: true })
    await page.getByRole('button', { name: 'Mark read' }).click()
    await reply.fill('Hello')
    await reply.press('Enter')
    const failures = page.getByRole('alert')
    await failures.nth(1).waitFor()
    const shown = await boxOf(log(page))
    assert.ok(shown.height >= 80, `${shown.height} pixels of the conversation`)
    const [first, sides] = await Promise.all([failures.first(), page.locator('.conversation > .sides')].map(boxOf))
    assert.ok(first && sides && first.y + first.height <= sides.y, 'nothing stands over another')
    const { y, height } = await boxOf(reply)
    assert.ok(y + height <= 568 - 58, 'the reply can be sent anew')
    await page.setViewportSize({ width: 667, height: 320 })
    const lying = await boxOf(failures.first())
    assert.ok(lying.y + lying.height <= (await boxOf(log(page))).y, 'nor over what was written')
    await page.setViewportSize({ width: 320, height: 568 })
    for (const before of ['.pane-head', '.timeline']) {
      await failures.first().getByRole('button', { name: 'Close' }).press('Enter')
      // Not at the one that was pressed, as it is until that has gone.
      await page.locator(`${before} button:focus:not([role=alert] *)`).waitFor()
    }
    assert.deepEqual([await failures.count(), await boxOf(log(page))], [0, whole])
    assert.deepEqual(visited.complaints, [])
  })

  test('gives a webhook’s address and a receipt’s words the width of a phone, and the rest of a long number on hover', async () => {
    await using visited = await enter(desk, { path: '/webhooks' })
    const { page, account, line } = visited
    const url = `https://example.com/${'hook/'.repeat(12)}`
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [url], type: 'read_receipt' })
    const number = `${'somebody-with-a-long-name'.repeat(2)}@example.com`
    await account.write({ to_number: line, number })
    await account.settled(await account.markRead(number, line))
    await page.setViewportSize({ width: 320, height: 568 })
    assert.ok((await boxOf(page.getByText(url).first())).width >= 240)
    await page.getByRole('link', { name: 'Conversations' }).click()
    await page.getByTitle(number).click()
    await page.getByRole('heading', { level: 1 }).and(page.getByTitle(number)).waitFor()
    const [badge, words, time] = await Promise.all(
      ['.badge', '.receipt-line > :nth-child(2)', 'time'].map((part) =>
        boxOf(log(page).locator('.receipt').locator(part)),
      ),
    )
    assert.ok(badge && words && time)
    const [first, last] = [words.y, words.y + words.height]
    for (const { y, height } of [badge, time]) assert.ok(y >= first - 5 && y + height <= last + 5, 'on one line')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('keeps the clip of an attachment beside its address, however little room there is', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    const url = `https://example.com/${'a'.repeat(60)}.jpg`
    await account.write({ to_number: line, content: 'Look', media_urls: [url] })
    await openConversation(page)
    await page.setViewportSize({ width: 390, height: 844 })
    const text = `((text) => {
      text.selectNodeContents(document.querySelector('.timeline .attachment').lastChild)
      return text.getClientRects()[0].top
    })(document.createRange())`
    const clip = await boxOf(log(page).locator('.attachment svg'))
    assert.ok((await page.evaluate<number>(text)) < clip.y + clip.height)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('keeps the way to send a webhook again in the first line of it on the narrowest phone', async () => {
    await using visited = await enter(desk, { path: '/webhooks' })
    const { page, account, line } = visited
    const webhooks = ['https://example.com/hook']
    for (const type of ['receive', 'read_receipt'])
      await account.must(200, 'POST', '/api/account/webhooks', { webhooks, type })
    await account.write({ to_number: line })
    await account.settled(await account.markRead(CONTACT, line))
    await page.setViewportSize({ width: 320, height: 568 })
    await page.locator('.delivery').nth(1).waitFor()
    // At once, since each try that is told of moves what stands below it.
    const apart = `[...document.querySelectorAll('.delivery-head')].map((head) => {
      const middles = ['.badge', 'button'].map((part) => {
        const { top, bottom } = head.querySelector(part).getBoundingClientRect()
        return (top + bottom) / 2
      })
      return Math.abs(middles[0] - middles[1])
    })`
    for (const pixels of await page.evaluate<number[]>(apart)) assert.ok(pixels < 5, `${pixels} pixels apart`)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('shows what goes along with a message to a group on the narrowest phone', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line, group_id: 'book-club' })
    await page.setViewportSize({ width: 320, height: 568 })
    await page.getByTitle('book-club').click()
    await page.getByRole('button', { name: 'Their phone' }).first().click()
    await page.getByRole('button', { name: 'Attach', exact: true }).click()
    await page.getByLabel('Where the attachment is').press('Enter')
    assert.ok((await boxOf(page.getByTitle('https://example.com/picture.jpg'))).width > 80)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('gives a conversation all of the room beside the list where there is no phone to show', async () => {
    await using visited = await enter(desk)
    const { page, account } = visited
    const number = ownLine()
    const settings = { url: 'http://127.0.0.1:9', password: 'secret' }
    const draft = { number, connector: 'bluebubbles', settings }
    await desk.server.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, draft)
    const message = { number: CONTACT, from_number: number, content: 'Hello' }
    await account.must(200, 'POST', '/api/send-message', message)
    await openConversation(page)
    const conversation = page.getByRole('region', { name: 'Conversation', exact: true })
    const beside = async () => (await boxOf(page.getByRole('region', { name: 'Conversations', exact: true }))).width
    for (const width of [1440, 1000]) {
      await page.setViewportSize({ width, height: 900 })
      assert.equal((await boxOf(conversation)).width, width - (await beside()))
    }
    await page.setViewportSize({ width: 390, height: 844 })
    assert.equal((await boxOf(conversation)).width, 390)
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.goto(`${desk.server.base}/conversations/conv_0`)
    await page.getByText('No such conversation').waitFor()
    assert.equal((await boxOf(page.locator('.pane'))).width, 1440 - (await beside()))
    assert.deepEqual(visited.complaints, [])
  })

  test('shows what opens into more in one size', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line, content: 'Hello' })
    await account.settled(await account.markRead(CONTACT, line))
    await openConversation(page)
    await log(page).getByRole('button', { name: 'Hello' }).click()
    const opening = ['The call that asked for it', 'Exactly how'].map((words) => boxOf(page.getByText(words)))
    const [call, knobs] = await Promise.all(opening)
    assert.equal(call?.height, knobs?.height)
    assert.deepEqual(visited.complaints, [])
  })

  test('cuts off nothing of a long address, nor of a plan with a long name', async () => {
    const email = `${'somebody-with-a-long-name'.repeat(2)}@example.com`
    const { keys } = await customer(desk.server, { lines: [], email, plan: 'x'.repeat(64) })
    await using visited = await visit(desk.browser, `${desk.server.base}/settings`, {
      viewport: { width: 320, height: 568 },
    })
    const { page } = visited
    await signIn(page, { keys })
    await page.getByText('does not include it').waitFor()
    for (const text of [page.getByText('It comes with'), page.getByText(`${email} ·`)]) {
      const { x, width } = await boxOf(text)
      assert.ok(x + width < 320, `${x + width}`)
    }
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320)
    assert.deepEqual(visited.complaints, [])
  })

  test('keeps together on the narrowest phone what stands side by side elsewhere', async () => {
    await using operator = await enterAsOperator(desk)
    await using visited = await enter(desk, { path: '/overview' })
    const { page } = visited
    for (const each of [operator.page, page]) await each.setViewportSize({ width: 320, height: 568 })
    const [from, to] = await Promise.all(
      ['an hour ago', 'now'].map((end) => boxOf(page.getByText(end, { exact: true }))),
    )
    assert.equal(from?.y, to?.y, 'both ends of the chart')
    await page.getByRole('link', { name: 'Lines' }).click()
    const receipt = await boxOf(page.getByText('none lately').last())
    const queued = await boxOf(page.getByText('Queued', { exact: true }))
    assert.ok(queued.y - receipt.y - receipt.height < 16, 'the facts of a line')
    const card = operator.page.getByRole('region').first()
    await card.getByRole('button', { name: 'Add a line' }).click()
    assert.ok((await boxOf(card.getByLabel('Number'))).width > 150, 'the number of a new line')
    const gates = ['Auto mark-read', 'Disabled'].map((name) => boxOf(card.getByText(name, { exact: true })))
    const [first, second] = await Promise.all(gates)
    assert.ok(first && second && second.y - first.y - first.height < 20, 'the gates of an account')
    assert.deepEqual([...visited.complaints, ...operator.complaints], [])
  })
})

async function boxOf(element: Locator): Promise<{ x: number; y: number; width: number; height: number }> {
  const box = await element.boundingBox()
  assert.ok(box !== null)
  return box
}
