import assert from 'node:assert/strict'
import type { Locator, Page, Route } from 'playwright-core'
import { until } from './until.ts'

/** The button is pressed with a key, and goes. */
export async function goesTo(page: Page, button: Locator, place: Locator): Promise<void> {
  await button.focus()
  await page.keyboard.press('Enter')
  await hasFocus(page, place)
  await button.waitFor({ state: 'detached' })
}

/** The button is pressed, and pressed again while it is busy: it has the focus, and one call alone was made. */
export async function staysAt(page: Page, button: Locator, method: string, door: string): Promise<void> {
  const onItsWay = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  let calls = 0
  const hold = async (route: Route) => {
    if (route.request().method() !== method) return route.fallback()
    calls++
    onItsWay.resolve()
    await answer.promise
    await route.continue()
  }
  await page.route(door, hold)
  await hasFocus(page, button)
  await page.keyboard.press('Enter')
  await onItsWay.promise
  await until(
    'the button to be busy',
    () => button.getAttribute('aria-busy'),
    (busy) => busy === 'true',
  )
  await hasFocus(page, button)
  await page.keyboard.press('Enter')
  await page.keyboard.press('Space')
  await hasFocus(page, button)
  answer.resolve()
  await page.locator('[aria-busy=true]').waitFor({ state: 'detached' })
  assert.equal(calls, 1)
  await page.unroute(door, hold)
}

export async function tabTo(page: Page, wanted: Locator): Promise<void> {
  for (let n = 0; n < 30 && !(await isFocused(page, wanted)); n++) await page.keyboard.press('Tab')
  await hasFocus(page, wanted)
}

async function isFocused(page: Page, wanted: Locator): Promise<boolean> {
  return (await wanted.and(page.locator(':focus')).count()) === 1
}

export async function hasFocus(page: Page, wanted: Locator): Promise<void> {
  await until(
    `the focus to be at ${wanted}`,
    async () => ({
      there: await isFocused(page, wanted),
      focused: await page.evaluate<string>('document.activeElement.outerHTML.slice(0, 200)'),
    }),
    ({ there }) => there,
  )
}
