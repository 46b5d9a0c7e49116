import { execFileSync } from 'node:child_process'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Customer } from './readback.ts'

/** Debian's without windows takes a third less of the processor than its whole one; Arch and Fedora have that alone. */
const FIND = 'command -v chromium-headless-shell || command -v chromium || command -v chromium-browser'
const PATIENCE_MS = 10_000
/**
 * With a page's first route Chromium begins to look at what it calls, and what a busy page calls right after passes all the same (33 of
 * 150 did): it looks from the beginning.
 */
const NO_CALL = 'none:'

export async function openBrowser(): Promise<AsyncDisposable & Pick<Browser, 'newContext'>> {
  const executablePath = execFileSync('/bin/sh', ['-c', FIND], { encoding: 'utf8' }).trim()
  // As root it starts without its sandbox alone.
  const args = ['--no-sandbox', '--disable-gpu']
  const browser = await chromium.launch({ executablePath, args })
  return {
    newContext: (options) => browser.newContext(options),
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

/** A page of its own, and every complaint that the browser had about it. */
export interface Visit extends AsyncDisposable {
  readonly page: Page
  readonly complaints: readonly string[]
  /** Of them those about what the server refused: a test that provokes it looks at what the page says. */
  readonly refused: readonly string[]
}

export async function visit(
  browser: Pick<Browser, 'newContext'>,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  context.setDefaultTimeout(PATIENCE_MS)
  await context.route(NO_CALL, (route) => route.continue())
  const page = await context.newPage()
  const complaints: string[] = []
  const refused: string[] = []
  page.on('console', (message) => {
    if (message.type() !== 'error') return
    // Chromium logs by itself what a server refuses.
    const list = message.text().startsWith('Failed to load resource') ? refused : complaints
    list.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(url)
  return {
    page,
    complaints,
    refused,
    async [Symbol.asyncDispose]() {
      // What a test's routes are still at would fail with the page, when the test is over.
      await page.unrouteAll({ behavior: 'ignoreErrors' })
      await context.close()
    },
  }
}

export async function signIn(page: Page, { keys }: Pick<Customer, 'keys'>): Promise<void> {
  await page.getByLabel('API key id').fill(keys['sb-api-key-id'])
  await page.getByLabel('API secret key').fill(keys['sb-api-secret-key'])
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Views' }).waitFor()
}

/** The page as it is in them, once it is. */
export async function inColors(page: Page, colorScheme: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme })
  await page.locator(`html[data-mantine-color-scheme="${colorScheme}"]`).waitFor()
  // What comes in, or changes its colour, is pale at first.
  await page.evaluate('Promise.allSettled(document.getAnimations().map((animation) => animation.finished))')
}
