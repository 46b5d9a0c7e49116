import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { complaintsOfAxe, enter, enterAsOperator, log, openConversation, openDesk, phone } from './support/dashboard.ts'
import { addAccounts, addLines } from './support/many.ts'
import { CONTACT, customer, startReadback } from './support/readback.ts'
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
  test('finds those of a thousand lines that are not online, and leaves each where it is', async () => {
    await using visited = await enter(desk)
    const { page, account } = visited
    await addLines(desk, account, 1_000, 5_580_000)
    const numbers = ['+14155580123', '+14155580987']
    const carrier = async (number: string, offline: boolean) => {
      await account.must(200, 'PUT', '/simulator/carrier', { from_number: number, offline })
      await desk.server.operator.must(200, 'POST', `/operator/lines/${encodeURIComponent(number)}/probe`)
    }
    for (const number of numbers) await carrier(number, true)
    await page.getByRole('link', { name: 'Lines' }).click()
    const cards = page.getByRole('main').getByRole('region')
    const showing = (shown: readonly string[]) =>
      until(
        `${shown} alone`,
        () => cards.evaluateAll((those) => those.map((card) => card.getAttribute('aria-label'))),
        (labels) => labels.join() === shown.join(),
      )
    const only = page.getByRole('switch', { name: 'Only lines that are not online' })
    await only.press('Space')
    await showing(numbers)
    await account.must(200, 'PUT', '/simulator/carrier', { from_number: numbers[0], offline: false })
    await cards.first().getByRole('button', { name: 'Probe now' }).click()
    await cards.first().getByText('online', { exact: true }).waitFor()
    await carrier('+14155580001', true)
    await cards.first().getByRole('button', { name: 'Probe now' }).click()
    await showing([...numbers, '+14155580001'])
    await page.getByRole('textbox', { name: 'Search by number' }).fill('0987')
    await showing(['+14155580987'])
    assert.deepEqual(await complaintsOfAxe(page), [])
    await page.getByRole('textbox', { name: 'Search by number' }).fill('')
    for (const _offAndOn of [1, 2]) await only.press('Space')
    await showing(['+14155580001', '+14155580987'])
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('finds the line among a thousand of which one wants the conversations', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await addLines(desk, account, 1_000, 5_561_000)
    await account.write({ to_number: line, content: 'On the first' })
    await account.write({ to_number: '+14155561987', content: 'On another' })
    const shown = (text: string) => page.getByRole('link', { name: text })
    await shown('On the first').waitFor()
    await lineChoice(page).fill('1987')
    await page.getByRole('option', { name: '+14155561987' }).waitFor()
    assert.deepEqual(await complaintsOfAxe(page), [])
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await shown('On the first').waitFor({ state: 'detached' })
    await shown('On another').waitFor()
    await page.setViewportSize({ width: 320, height: 568 })
    const cutOff = await lineChoice(page).evaluate(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
    assert.equal(cutOff, false, 'the number can be read')
    await lineChoice(page).fill('')
    await shown('On the first').waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await lineChoice(page).inputValue(), '')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('fetches a thousand lines to choose from now and then, not at each message', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await addLines(desk, account, 1_000, 5_562_000)
    await page.clock.install()
    await page.reload()
    await lineChoice(page).fill('3000')
    await page.getByText('Nothing matches', { exact: true }).waitFor()
    const fetched = fetchedBy(page)
    for (let n = 0; n < 5; n++) {
      await account.write({ to_number: line, content: `Message ${n}` })
      await page.getByRole('link', { name: `Message ${n}` }).waitFor()
    }
    assert.equal(fetched.filter((path) => path === '/console/lines').length, 0)
    const draft = { number: '+14155563000', connector: 'simulator' }
    await desk.server.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/lines`, draft)
    await page.clock.fastForward(60_000)
    await page.getByRole('option', { name: '+14155563000' }).waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('fetches a thousand lines at once for what a person does, and every ten seconds for all else', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await addLines(desk, account, 1_000, 5_570_000)
    await page.clock.install()
    await page.goto(`${desk.server.base}/lines`)
    const card = page.getByRole('region', { name: line })
    await card.getByText('online', { exact: true }).waitFor()
    const fetched = fetchedBy(page)
    const times = () => fetched.filter((path) => path === '/console/lines').length
    for (let n = 0; n < 3; n++) await hears(page, () => account.write({ to_number: line }))
    assert.equal(times(), 0)
    await account.must(200, 'PUT', '/simulator/carrier', { from_number: line, offline: true })
    await card.getByRole('button', { name: 'Probe now' }).click()
    await card.getByText('offline', { exact: true }).waitFor()
    const before = times()
    const path = `/operator/lines/${encodeURIComponent(line)}`
    await hears(page, () => desk.server.operator.must(200, 'PATCH', path, { paused: true }))
    assert.equal(times(), before)
    await page.clock.fastForward(10_000)
    await card.getByText('paused by the operator').waitFor()
    assert.equal(times(), before + 1)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('counts three thousand lines for the overview, and fetches none of them', async () => {
    await using visited = await enter(desk, { path: '/overview' })
    const { page, account, line } = visited
    await addLines(desk, account, 3_000, 5_564_000)
    const fetched = fetchedBy(page)
    await page.reload()
    const figure = (name: string) => page.locator('.card', { hasText: name }).locator('.figure')
    await figure('Lines').getByText('3,001 online').waitFor()
    await account.must(200, 'PUT', '/simulator/carrier', { from_number: line, offline: true })
    await account.write({ to_number: line })
    await account.markRead(CONTACT, line)
    await figure('Queued now').getByText('1', { exact: true }).waitFor()
    assert.equal(fetched.filter((path) => path === '/console/lines').length, 0)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('shows an operator the newest of a thousand accounts and lines, and any that is looked for', async () => {
    await using server = await startReadback()
    const account = await customer(server, { email: 'first@example.com' })
    await addLines({ server }, account, 100)
    await addAccounts({ server }, 1_000)
    await using visited = await enterAsOperator({ ...desk, server })
    const { page } = visited
    const card = (email: string) => page.getByRole('region', { name: email })
    const cards = page.getByRole('main').getByRole('region')
    const showing = (count: number) =>
      until(
        `${count} accounts`,
        () => cards.count(),
        (shown) => shown === count,
      )
    await showing(50)
    await card('customer999@example.com').waitFor()
    const search = page.getByRole('textbox', { name: 'Search by e-mail, id or number' })
    await search.fill('First@')
    await showing(1)
    assert.equal(
      await card('first@example.com')
        .getByRole('button', { name: /^Pause: / })
        .count(),
      10,
    )
    await card('first@example.com').getByRole('button', { name: 'Add a line' }).press('Enter')
    await card('first@example.com').getByLabel('Number').fill('+14155550199')
    await page.getByLabel('Connector').selectOption('simulator')
    await page.getByRole('button', { name: 'Add the line' }).press('Enter')
    await page.getByRole('button', { name: 'Pause: +14155550199' }).waitFor()
    await search.fill('+1 (415) 556-0042')
    await page.getByRole('button', { name: 'Pause: +14155560042' }).waitFor()
    await until(
      'no other line',
      () => page.getByRole('button', { name: /^Pause: / }).count(),
      (count) => count === 1,
    )
    await page.getByRole('button', { name: 'Remove +14155560042' }).press('Enter')
    await page.getByRole('button', { name: 'Really remove +14155560042' }).press('Enter')
    await page.getByText('Nothing matches').waitFor()
    await page.getByRole('heading', { level: 1 }).and(page.locator(':focus')).waitFor()
    const fetched = fetchedBy(page)
    for (let n = 0; n < 2; n++) await hears(page, () => account.write())
    assert.deepEqual([...new Set(fetched)], ['/console/session'])
    assert.deepEqual(await complaintsOfAxe(page), [])
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})

/** The paths, from now on. */
function fetchedBy(page: Page): readonly string[] {
  const fetched: string[] = []
  page.on('request', (request) => fetched.push(new URL(request.url()).pathname))
  return fetched
}

/** Until the page fetches what it shows because of that. */
async function hears(page: Page, change: () => Promise<unknown>): Promise<void> {
  const fetching = page.waitForRequest('**/console/session')
  await change()
  await fetching
}

/** Once it is known that there are many. */
const lineChoice = (page: Page) => page.locator('input').and(page.getByLabel('Line', { exact: true }))
