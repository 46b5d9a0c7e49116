import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Locator, Page, Route } from 'playwright-core'
import {
  type Entered,
  enter,
  log,
  openConversation,
  openDesk,
  phone,
  reads,
  refuse,
  write,
} from './support/dashboard.ts'
import { CONTACT } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

describe('a conversation that is open in the dashboard', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('shows older messages, each once and none left out, whatever fails and comes meanwhile', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await writeMany(visited, 130)
    await openConversation(page)
    await shows(visited, 60)
    await page.evaluate('document.querySelector(".timeline").scrollTop = 0')
    const older = log(page).getByRole('button', { name: 'Show older' })
    assert.ok(((await older.boundingBox())?.height ?? 0) >= 24, 'it can be seen')
    await page.route('**/conversations/*?before=*', refuse, { times: 1 })
    await older.click()
    await page.getByRole('alert').getByText('Not right now').waitFor()
    await writeMany(visited, 1, 130)
    await log(page).getByText('Message 130', { exact: true }).waitFor()
    const onItsWay = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    const slow = async (route: Route) => {
      onItsWay.resolve()
      await answer.promise
      await route.continue()
    }
    await page.route('**/conversations/*?before=*', slow, { times: 1 })
    await page.getByRole('button', { name: 'Try again' }).click()
    await onItsWay.promise
    await writeMany(visited, 4, 131)
    await page.getByRole('region', { name: 'Conversations' }).getByText('Message 134').waitFor()
    answer.resolve()
    await log(page).getByText('Message 134', { exact: true }).waitFor()
    const numbers = (await log(page).locator('.text').allInnerTexts()).map((text) => Number(text.slice(8)))
    assert.deepEqual(
      numbers,
      Array.from(numbers, (_, index) => 134 - numbers.length + 1 + index),
    )
    assert.ok(numbers.length >= 120)
    await page.getByRole('alert').waitFor({ state: 'detached' })
    assert.deepEqual(visited.complaints, [])
  })

  test('leaves whoever reads where they are when what is older is put above it', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await writeMany(visited, 70)
    await openConversation(page)
    await shows(visited, 60)
    await page.evaluate('document.querySelector(".timeline").scrollTop = 0')
    const read = log(page).getByText('Message 10', { exact: true })
    const height = async () => (await read.boundingBox())?.y ?? 0
    const older = log(page).getByRole('button', { name: 'Show older' })
    const before = await height()
    await older.click()
    await older.waitFor({ state: 'detached' })
    await shows(visited, 70)
    await until('it to be where it was', height, (now) => Math.abs(now - before) < 2)
    assert.deepEqual(visited.complaints, [])
  })

  test('shows a receipt under the message that it marked, and not under the SMS after that', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line, content: 'An iMessage' })
    await account.write({ to_number: line, content: 'A text message', service: 'SMS' })
    await account.settled(await account.markRead(CONTACT, line))
    await account.settled(await account.markRead(CONTACT, line))
    await openConversation(page)
    await log(page).getByText('skipped', { exact: true }).waitFor()
    const entries = await log(page).locator('.entry').allInnerTexts()
    assert.match(entries[0] ?? '', /An iMessage.*\bsent\b/s)
    assert.match(entries[1] ?? '', /A text message.*\bskipped\b/s)
    assert.doesNotMatch(entries[1] ?? '', /\bsent\b/)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('stays, with what is typed in it, while the server answers nothing, and keeps what is typed meanwhile', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await writeMany(visited, 1)
    await openConversation(page)
    const reply = page.getByLabel('Reply as the line', { exact: true })
    await reply.fill('Half a thought')
    const views = Promise.withResolvers<void>()
    await page.route('**/console/conversations/*', async (route) => {
      await views.promise
      await refuse(route)
    })
    await page.route('**/api/send-message', refuse, { times: 1 })
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('Not right now').waitFor()
    await until(
      'it to come back',
      () => reply.inputValue(),
      (text) => text === 'Half a thought',
    )
    const answer = Promise.withResolvers<void>()
    await page.route('**/api/send-message', async (route) => {
      await answer.promise
      await route.continue()
    })
    await page.keyboard.press('Enter')
    await until(
      'it to be on its way',
      () => reply.inputValue(),
      (text) => text === '',
    )
    await reply.fill('and another')
    views.resolve()
    await page.getByRole('alert').getByText('Not right now').waitFor()
    assert.equal(await log(page).getByText('Message 0').count(), 1)
    await page.unroute('**/console/conversations/*')
    answer.resolve()
    await phone(page).getByText('Half a thought').waitFor()
    await page.getByRole('alert').waitFor({ state: 'detached' })
    assert.equal(await reply.inputValue(), 'and another')
    assert.deepEqual(visited.complaints, [])
  })

  test('stays at its end, on the phone too, and where only one of the two is shown', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await page.setViewportSize({ width: 390, height: 844 })
    await writeMany(visited, 30)
    await openConversation(page)
    await isAtItsEnd(page, '.timeline')
    await page.getByRole('button', { name: 'Their phone' }).first().click()
    await phone(page).getByText('Message 29').waitFor()
    await isAtItsEnd(page, '.screen')
    await write(page, 'One more')
    await phone(page).getByText('One more').waitFor()
    await isAtItsEnd(page, '.screen')
    await page.getByRole('button', { name: 'Conversation' }).last().click()
    await log(page).getByText('One more').waitFor()
    await isAtItsEnd(page, '.timeline')
    await page.setViewportSize({ width: 390, height: 500 })
    await isAtItsEnd(page, '.timeline')
    // Whoever scrolls down to it has not left it because its window grows smaller in the same moment.
    await page.setViewportSize({ width: 390, height: 844 })
    await isAtItsEnd(page, '.timeline')
    await page.evaluate(`new Promise((done) => {
      const box = document.querySelector('.timeline')
      box.addEventListener('scroll', () => setTimeout(() => {
        box.scrollTop += 10
        Object.assign(box.style, { flex: 'none', height: '120px' })
        done()
      }), { once: true })
      box.scrollTop -= 10
    })`)
    await isAtItsEnd(page, '.timeline')
  })

  test('keeps the focus where it was, or takes it where that is no longer shown', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await writeMany(visited, 1)
    await openConversation(page)
    const mark = page.getByRole('button', { name: 'Mark read' })
    await mark.focus()
    await page.keyboard.press('Enter')
    await reads(page, 1)
    await hasTheFocus(mark)
    const bubble = log(page).locator('.bubble')
    await bubble.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByText('As it is stored').waitFor()
    await page.keyboard.press('Escape')
    await hasTheFocus(bubble)
    await page.getByRole('link', { name: 'Conversations' }).click()
    await page.setViewportSize({ width: 390, height: 844 })
    await openConversation(page)
    await hasTheFocus(page.getByRole('heading', { level: 1 }))
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('says where a knob could not be turned or read, and where nobody new could write', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    await writeMany(visited, 1)
    await page.route('**/simulator/**', refuse)
    await openConversation(page)
    const knobs = page.locator('.knobs')
    await knobs.getByRole('alert').getByText('Not right now').waitFor()
    assert.equal(await knobs.getByRole('radio', { checked: true }).count(), 0)
    await knobs.getByText('Offline', { exact: true }).click()
    await knobs.getByRole('alert').getByText('Not right now').waitFor()
    await page.getByRole('button', { name: 'A new contact writes' }).click()
    await page.getByRole('menuitem', { name: 'New contact (SMS)' }).click()
    await page.getByRole('region', { name: 'Conversations' }).getByRole('alert').getByText('Not right now').waitFor()
    assert.deepEqual(visited.complaints, [])
  })
})

async function writeMany({ account, line }: Entered, count: number, first = 0): Promise<void> {
  for (let n = first; n < first + count; n++) await account.write({ to_number: line, content: `Message ${n}` })
}

function shows({ page }: Entered, count: number): Promise<number> {
  return until(
    `${count} messages to be shown`,
    () => log(page).locator('.bubble').count(),
    (shown) => shown === count,
  )
}

async function isAtItsEnd(page: Page, box: string): Promise<void> {
  const gap = `(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight)(document.querySelector('${box}'))`
  await until(
    `${box} to be at its end`,
    () => page.evaluate<number>(gap),
    (pixels) => pixels < 2,
  )
}

async function hasTheFocus(element: Locator): Promise<void> {
  await element.and(element.page().locator(':focus')).waitFor()
}
