import { after, before } from 'node:test'
import axe from 'axe-core'
import type { Locator, Page, Route } from 'playwright-core'
import { openBrowser, signIn, type Visit, visit } from './browser.ts'
import { CONTACT, type Customer, customer, OPERATOR_TOKEN, type Readback } from './readback.ts'
import { ownLine, shareReadback } from './shared.ts'
import { until } from './until.ts'

/** One server and one browser for the tests of a suite, each with an account of its own. */
export interface Desk {
  server: Readback
  browser: Awaited<ReturnType<typeof openBrowser>>
}

export interface Entered extends Visit {
  readonly account: Customer
  readonly line: string
}

/** To be called in a suite: what it answers is there once its tests run. */
export function openDesk(): Desk {
  const desk = { server: shareReadback() } as Desk
  before(async () => {
    desk.browser = await openBrowser()
  })
  after(() => desk.browser[Symbol.asyncDispose]())
  return desk
}

/** Somebody who has signed in with a key, on a line of their own. */
export async function enter(
  { server, browser }: Desk,
  options: { auto?: boolean; path?: string; plan?: string } = {},
): Promise<Entered> {
  const line = ownLine()
  const account = await customer(server, {
    lines: [line],
    auto: options.auto ?? false,
    plan: options.plan ?? 'free_api',
  })
  const visited = await visit(browser, `${server.base}${options.path ?? '/'}`)
  await signIn(visited.page, account)
  return { ...visited, account, line, [Symbol.asyncDispose]: visited[Symbol.asyncDispose] }
}

export async function enterAsOperator({ server, browser }: Desk): Promise<Visit> {
  const visited = await visit(browser, server.base)
  const { page } = visited
  await page.getByText('Operator', { exact: true }).click()
  await page.getByLabel('Operator token').fill(OPERATOR_TOKEN)
  await page.getByRole('button', { name: 'Sign in' }).click()
  return visited
}

/** Has the page wait a twentieth as long for an answer. */
export const IMPATIENT = `
  const { timeout } = AbortSignal
  AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 20)`

/** As a server answers whose store is away. */
export function refuse(route: Route): Promise<void> {
  return route.fulfill({ status: 503, json: { status: 'ERROR', message: 'Not right now' } })
}

export async function openConversation(page: Page): Promise<void> {
  await page.getByRole('link', { name: new RegExp(`\\${CONTACT}`) }).click()
  await page.getByRole('button', { name: 'Mark read' }).waitFor()
}

export const phone = (page: Page) => page.getByRole('log', { name: 'What the phone shows' })
export const log = (page: Page) => page.getByRole('log', { name: 'Messages and receipts' })

export async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel('Write as the contact', { exact: true }).fill(text)
  await page.keyboard.press('Enter')
}

/** The phone shows that so many times. */
export async function reads(page: Page, times: number): Promise<void> {
  const marks = phone(page).getByText('Read', { exact: true })
  await until(
    `"Read" to be shown ${times} times`,
    () => marks.count(),
    (count) => count === times,
  )
}

/** What axe finds to be serious. A page has it from the first look on, and tells of what is violated alone. */
export async function complaintsOfAxe(page: Page): Promise<string[]> {
  if (!(await page.evaluate<boolean>('"axe" in window'))) await page.evaluate(axe.source)
  const violations = await page.evaluate<
    { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
  >('axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)')
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    )
}

export async function holds(field: Locator, wanted: string): Promise<void> {
  await until(
    `${field} to hold ${wanted}`,
    () => field.inputValue(),
    (shown) => shown === wanted,
  )
}

export async function isChecked(control: Locator, wanted: boolean): Promise<void> {
  await until(
    `${control} to be ${wanted ? 'on' : 'off'}`,
    () => control.isChecked(),
    (on) => on === wanted,
  )
}
