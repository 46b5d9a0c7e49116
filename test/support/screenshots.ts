import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { openBrowser, visit } from './browser.ts'
import { dataFolder } from './data-folder.ts'
import { startProcess } from './process.ts'
import { until } from './until.ts'

/** `npm run screenshots`: the main views of a demo, in light and dark, on a wide screen and on a phone, into docs/images. */

const IMAGES = join(import.meta.dirname, '../../docs/images')
const SCREENS = {
  desktop: { viewport: { width: 1440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
} as const
const SCHEMES = ['light', 'dark'] as const
/** What the phone shows last. */
const WAITING = 'Read receipt waits · unreachable'

const VIEWS: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  async conversations(page) {
    const wide = (page.viewportSize()?.width ?? 0) > 720
    await page.goto(wide ? page.url() : new URL('/conversations', page.url()).href)
    await page.getByText('+14155551234').first().waitFor()
    if (!wide) return
    await page.getByRole('link', { name: /\+14155551234/ }).click()
    await page.getByText(WAITING).waitFor()
  },
  async overview(page) {
    await page.goto(new URL('/overview', page.url()).href)
    await page.getByText('Receipts per minute').waitFor()
  },
  async lines(page) {
    await page.goto(new URL('/lines', page.url()).href)
    await page.getByText('Probe now').waitFor()
  },
  async settings(page) {
    await page.goto(new URL('/settings', page.url()).href)
    await page.getByText('Create a key').waitFor()
  },
}

await using folder = await dataFolder()
await using server = await startProcess({ dataDir: folder.path, env: { READBACK_DEMO: '1' } })
const greeting = await until('the greeting', server.output, (text) => text.includes('The keys are kept in'))
await using browser = await openBrowser()
await using first = await visit(browser, /http\S+#sign-in=\S+/.exec(greeting)?.[0] ?? '')
await first.page.getByText('+14155551234').first().waitFor()
await stage(first.page)
const state = await first.page.context().storageState()
await mkdir(IMAGES, { recursive: true })
for (const [screen, options] of Object.entries(SCREENS)) {
  for (const colorScheme of SCHEMES) {
    await using shown = await visit(browser, `${server.base}/`, { ...options, colorScheme, storageState: state })
    for (const [name, show] of Object.entries(VIEWS)) {
      await show(shown.page)
      // Whatever moves comes to its end, or goes.
      await shown.page.waitForLoadState('load')
      await shown.page.evaluate('Promise.allSettled(document.getAnimations().map((animation) => animation.finished))')
      const path = join(IMAGES, `${name}-${screen}-${colorScheme}.png`)
      await rm(path, { force: true })
      await shown.page.screenshot({ path })
    }
    if (screen === 'phone') {
      await shown.page.goto(`${server.base}/conversations`)
      await shown.page.getByRole('link', { name: /\+14155551234/ }).click()
      await shown.page.getByText('Their phone').first().click()
      await shown.page.getByText(WAITING).waitFor()
      await shown.page.screenshot({ path: join(IMAGES, `handset-${screen}-${colorScheme}.png`) })
    }
  }
}

/** Something to look at: what was read by itself, what was marked, what cannot go, and what waits. */
async function stage(page: Page): Promise<void> {
  const call = (method: string, path: string, body: object) =>
    page.evaluate(
      async ([verb, where, text]) => {
        const headers = { 'content-type': 'application/json' }
        await fetch(`/console${where}`, { method: verb as string, headers, body: text as string })
      },
      [method, path, JSON.stringify(body)],
    )
  const line = '+19175551234'
  const write = (number: string, content: string, more: object = {}) =>
    call('POST', '/simulator/messages', { number, to_number: line, content, ...more })
  const mark = (number: string) => call('POST', '/api/mark-read', { number, from_number: line })
  await mark('+14155551234')
  await page.getByText('Hi! Did you get my message?').first().waitFor()
  await call('POST', '/accounts/settings/auto-mark-read', { auto_mark_read: true })
  await call('POST', '/api/send-message', {
    number: '+14155551234',
    from_number: line,
    content: 'Yes, we did. How can we help?',
  })
  await page.getByText('Yes, we did. How can we help?').first().waitFor()
  await write('+14155551234', 'I would like to come by tomorrow at ten, if that still works for you.')
  await mark('+14155550134')
  await mark('+14155550128')
  await call('PUT', '/simulator/carrier', { from_number: line, offline: true })
  await write('+14155550119', 'And do you take cards?')
  await write('+14155551234', 'Is it the door on the left?')
}
