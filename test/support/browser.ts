import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** Debian's; as root it starts without its sandbox alone. */
const EXECUTABLE = '/usr/bin/chromium'
const PATIENCE_MS = 10_000

export async function openBrowser(): Promise<AsyncDisposable & Pick<Browser, 'newContext'>> {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox', '--disable-gpu'] })
  return {
    newContext: (options) => browser.newContext(options),
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

/** A page of its own, and every complaint that the browser had about it. */
export interface Visit extends AsyncDisposable {
  readonly page: Page
  readonly complaints: readonly string[]
}

export async function visit(
  browser: Pick<Browser, 'newContext'>,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // What the server refuses Chromium logs by itself: each test that provokes it looks at what the page says of it.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(url)
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}
