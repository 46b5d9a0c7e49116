import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { openBrowser, signIn, visit } from './support/browser.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { dataFolder, type ServerProcess, startProcess } from './support/process.ts'
import { CONTACT, customer, OPERATOR_TOKEN, type Readback, startReadback } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

const skip = requireDashboard()

describe('the dashboard', { skip }, () => {
  let server: Readback
  let browser: Awaited<ReturnType<typeof openBrowser>>
  before(async () => {
    server = await startReadback()
    browser = await openBrowser()
  })
  after(async () => {
    await browser[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  /** Somebody who has signed in with a key, on a line of their own. */
  async function enter(options: { auto?: boolean; path?: string; plan?: string } = {}) {
    lines += 1
    const line = `+1917555${String(100 + lines).padStart(4, '0')}`
    const account = await customer(server, {
      lines: [line],
      auto: options.auto ?? false,
      plan: options.plan ?? 'free_api',
    })
    const visited = await visit(browser, `${server.base}${options.path ?? '/'}`)
    await signIn(visited.page, account)
    return { ...visited, account, line, [Symbol.asyncDispose]: visited[Symbol.asyncDispose] }
  }
  let lines = 0

  test('says what is wrong with a wrong sign-in, and lets a right one in', async () => {
    const account = await customer(server, { lines: [] })
    await using visited = await visit(browser, server.base)
    const { page, complaints } = visited
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.goto(server.base)
      await page.getByLabel('API key id').waitFor()
      assert.deepEqual(await complaintsOfAxe(page), [], `signing in, ${colorScheme}`)
    }
    await page.getByLabel('API key id').fill('key_nobody')
    await page.getByLabel('API secret key').fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').getByText('That is not right').waitFor()
    await signIn(page, account)
    await page.getByText('Nobody has written yet').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.deepEqual(complaints, [])
  })

  test('shows "Read" on the phone by itself with auto on, and with auto off when "Mark read" is pressed', async () => {
    await using visited = await enter({ auto: true })
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    await write(page, 'With auto on')
    await phone(page).getByText('With auto on').waitFor()
    await reads(page, 2)

    await account.must(200, 'POST', '/accounts/settings/auto-mark-read', { auto_mark_read: false })
    await page.getByText('auto mark-read is off').waitFor()
    await write(page, 'With auto off')
    await phone(page).getByText('Delivered').waitFor()
    await log(page).getByText('not by itself: auto mark-read was off').waitFor()
    await page.getByRole('button', { name: 'Mark read' }).click()
    await reads(page, 3)
    await log(page).getByText('Read receipt from the dashboard').waitFor()
    assert.equal(await phone(page).getByText('Delivered').count(), 0)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('shows a receipt as queued while the carrier is offline, and sent when the knob is turned back', async () => {
    await using visited = await enter()
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    await page.getByText('Offline', { exact: true }).click()
    const offline = () => account.must(200, 'GET', `/simulator/carrier?from_number=${encodeURIComponent(line)}`)
    await until('the knob to be turned', offline, ({ body }) => body.offline === true)
    await page.getByRole('button', { name: 'Mark read' }).click()
    await log(page).getByText('queued', { exact: true }).waitFor()
    await log(page).getByText('unreachable.').waitFor()
    await phone(page).getByText('Read receipt waits').waitFor()
    await page.getByText('Well', { exact: true }).click()
    await log(page).getByText('sent', { exact: true }).waitFor()
    await reads(page, 1)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('follows the switch in the settings with the next message', async () => {
    await using visited = await enter()
    const { page, account, line } = visited
    await account.write({ to_number: line, content: 'Before' })
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('switch', { name: 'Auto mark-read' }).click({ force: true })
    const setting = () => account.must(200, 'GET', '/accounts/settings/auto-mark-read')
    await until('the setting', setting, ({ body }) => body.auto_mark_read === true)
    await page.getByRole('link', { name: 'Conversations' }).click()
    await openConversation(page)
    await phone(page).getByText('Delivered').waitFor()
    await write(page, 'After')
    await log(page).getByText('Read receipt by itself').waitFor()
    await phone(page).getByText('Read', { exact: true }).waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('sends with the reply what waits for one, and shows the reply on the phone, delivered and then read', async () => {
    await using visited = await enter({ auto: true })
    const { page, account, line } = visited
    await account.must(200, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing: { mode: 'on_reply' } })
    await account.write({ to_number: line, content: 'Are you there?' })
    await openConversation(page)
    await log(page).getByText('awaiting reply.').waitFor()
    await phone(page).getByText('Delivered').waitFor()
    await page.getByLabel('Reply as the line', { exact: true }).fill('Yes, all day')
    await page.keyboard.press('Enter')
    await phone(page).getByText('Yes, all day').waitFor()
    await reads(page, 1)
    await log(page).getByText('delivered').waitFor()
    await page.getByLabel('Write as the contact', { exact: true }).focus()
    await log(page).getByText('· read').waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('tells of a plan without it where the switch is, and of a webhook that failed where the message is', async () => {
    await using theirs = await startCustomerServer()
    theirs.answer = (_, response) => response.writeHead(500).end('no')
    await using visited = await enter({ plan: 'enterprise' })
    const { page, account, line } = visited
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [theirs.url] })
    await account.write({ to_number: line, content: 'Do they hear of it?' })
    await openConversation(page)
    await phone(page).getByText('the webhook answered 500').waitFor()
    await log(page).getByText('Do they hear of it?').click()
    const panel = page.getByRole('dialog')
    await panel.getByText('answered 500').first().waitFor()
    const made = await panel.getByRole('region', { name: 'The call that made it' }).innerText()
    assert.equal(JSON.parse(made).call, 'POST /simulator/messages')
    await panel.getByText('What was sent').click()
    await panel
      .getByRole('region', { name: /^Body of/ })
      .getByText('"accountEmail"')
      .waitFor()
    const before = theirs.received.length
    await panel.getByRole('button', { name: 'Send again' }).click()
    await until(
      'the webhook to come again',
      () => theirs.received.length,
      (count) => count > before,
    )
    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByText('Your plan, enterprise, does not include it').waitFor()
    assert.deepEqual(visited.complaints, [])
  })

  test('lets somebody new write with one click, with an attachment too, and a group', async () => {
    await using visited = await enter()
    const { page } = visited
    await page.getByRole('button', { name: 'A new contact writes' }).click()
    await page.getByRole('menuitem', { name: 'New contact (RCS)' }).click()
    await page.getByRole('button', { name: 'Mark read' }).click()
    await reads(page, 1)
    await page.getByRole('button', { name: 'Attach' }).click()
    await page.getByLabel('Where the attachment is').fill('https://example.com/map.png')
    await page.getByRole('button', { name: 'Attach', exact: true }).last().click()
    await page.getByRole('button', { name: 'Send: Write as the contact' }).click()
    await log(page).getByText('https://example.com/map.png').waitFor()
    await page.getByRole('button', { name: 'A new contact writes' }).click()
    await page.getByRole('menuitem', { name: 'New group' }).click()
    await page.getByRole('heading', { name: /^group-/ }).waitFor()
    await write(page, 'Hello, all of you')
    await log(page)
      .getByText('groups are left to calls')
      .or(log(page).getByText('auto mark-read was off'))
      .last()
      .waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('says in the overview what did not go out, why and what to do, and in the lines how they are', async () => {
    await using visited = await enter()
    const { page, account, line } = visited
    await account.write({ to_number: line, number: '+14155550151', service: 'SMS' })
    await account.write({ to_number: line })
    await account.settled(await account.markRead('+14155550151', line))
    await account.settled(await account.markRead(CONTACT, line))
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByText('The conversation is SMS, which carries no read receipts.').waitFor()
    await page.getByRole('img', { name: '2 receipts in the last hour' }).waitFor()
    await page.getByText(/^99 of 100 within/).waitFor()
    await page.getByRole('link', { name: '+14155550151' }).click()
    await page.getByRole('link', { name: /\+14155550151/ }).waitFor()
    assert.equal(await page.getByRole('link', { name: new RegExp(`\\${CONTACT}`) }).count(), 0)

    await page.getByRole('link', { name: 'Lines' }).click()
    await page.getByRole('button', { name: 'Inbound URL' }).click()
    await page.getByText(/\/readback\/v1\/inbound\//).waitFor()
    await account.must(200, 'PUT', '/simulator/carrier', { from_number: line, offline: true })
    await page.getByRole('button', { name: 'Probe now' }).click()
    await page.getByText('No connection to the carrier could be made, or it broke.').waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('adds a webhook, tests it with the newest event, and says when there is none', async () => {
    await using theirs = await startCustomerServer()
    await using visited = await enter({ path: '/webhooks' })
    const { page, account, line } = visited
    await account.write({ to_number: line, content: 'The newest' })
    for (const type of ['receive', 'read_receipt']) {
      await page.getByRole('textbox', { name: 'URL', exact: true }).fill(`${theirs.url}/${type}`)
      await page.getByLabel('For', { exact: true }).selectOption(type)
      await page.getByRole('button', { name: 'Add', exact: true }).click()
      await page.getByRole('button', { name: `Test ${theirs.url}/${type}` }).click()
    }
    const { path, body } = await theirs.at(0)
    assert.deepEqual([path, JSON.parse(body).content], ['/receive', 'The newest'])
    await page.getByText('There is nothing to send yet').waitFor()
    await page.getByText('answered 200').waitFor()
    assert.deepEqual(visited.complaints, [])
  })

  test('finds nothing where a conversation is another account’s', async () => {
    await using mine = await enter()
    await mine.account.write({ to_number: mine.line })
    await openConversation(mine.page)
    const url = mine.page.url()
    await using theirs = await enter({ path: new URL(url).pathname })
    await theirs.page.getByText('No such conversation').waitFor()
    assert.equal(await theirs.page.getByText(CONTACT).count(), 0)
    assert.deepEqual(theirs.complaints, [])
  })

  test('shows HTML, scripts, right-to-left text and 20,000 characters as text', async () => {
    await using visited = await enter()
    const { page, account, line } = visited
    const nasty = [
      '<img src=x onerror="document.title=\'pwned\'"><script>document.title="pwned"</script>',
      '‮שלום עולם‬ &lt;b&gt;',
      'javascript:document.title="pwned"',
      'x'.repeat(20_000),
    ]
    for (const content of nasty) await account.write({ to_number: line, content, media_urls: ['javascript:alert(1)'] })
    await openConversation(page)
    for (const content of nasty.slice(0, 3)) await log(page).getByText(content, { exact: true }).first().waitFor()
    await log(page).getByRole('button', { name: 'Show all 20,000 characters' }).click()
    const longest = await log(page).locator('.text').last().innerText()
    assert.equal(longest.length, 20_000)
    assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'nothing sticks out')
    assert.equal(await page.title(), 'Readback')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('lets the operator make an account and a line for it, by a form that its connector declares', async () => {
    await using visited = await visit(browser, server.base)
    const { page } = visited
    await page.getByText('Operator', { exact: true }).click()
    await page.getByLabel('Operator token').fill(OPERATOR_TOKEN)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'New account' }).click()
    await page.getByLabel('E-mail').fill('grace@example.com')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByText('The secret is shown this once').waitFor()
    assert.match(await page.getByLabel('API secret key').inputValue(), /^[\w-]{43}$/)
    await page.keyboard.press('Escape')

    const card = page.getByRole('region', { name: 'grace@example.com' })
    await card.getByRole('button', { name: 'Add a line' }).click()
    await card.getByLabel('Number').fill('+19175550188')
    await card.getByLabel('Connector').selectOption('bluebubbles')
    await card.getByLabel('URL of the BlueBubbles server').fill('nowhere')
    await card.getByLabel('Its password').fill('a password')
    await card.getByRole('button', { name: 'Add the line' }).click()
    await card.getByRole('alert').getByText('url').waitFor()
    await card.getByLabel('URL of the BlueBubbles server').fill('http://127.0.0.1:9')
    await card.getByRole('button', { name: 'Add the line' }).click()
    await card.getByText('unreachable.').waitFor()
    assert.deepEqual(await complaintsOfAxe(page), [])
    await card.getByRole('button', { name: 'Pause: +19175550188' }).click()
    await card.getByText('paused', { exact: true }).waitFor()
    await card.getByRole('button', { name: 'Remove +19175550188' }).click()
    await card.getByRole('button', { name: 'Really remove +19175550188' }).click()
    await card.getByText('+19175550188').waitFor({ state: 'detached' })
    assert.deepEqual(visited.complaints, [])
  })

  test('makes keys, shows each secret once, and signs out whoever used one that is revoked', async () => {
    await using visited = await enter({ path: '/settings' })
    const { page, account } = visited
    await page.getByRole('button', { name: 'Create a key' }).click()
    const id = await page.getByLabel('API key id').inputValue()
    const secret = await page.getByLabel('API secret key').inputValue()
    const keys = { 'sb-api-key-id': id, 'sb-api-secret-key': secret }
    await account.must(200, 'GET', '/api/lines')
    assert.equal((await account.call('GET', '/api/lines', undefined, keys)).status, 200)
    await using other = await visit(browser, server.base)
    await signIn(other.page, { keys })
    await page.getByRole('button', { name: `Revoke ${id}` }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await other.page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.equal((await account.call('GET', '/api/lines', undefined, keys)).status, 401)
    assert.deepEqual([visited.complaints, other.complaints], [[], []])
  })

  test('lets scripts in from its own files alone', async () => {
    const answer = await fetch(server.base)
    const policy = answer.headers.get('content-security-policy') ?? ''
    assert.match(policy, /script-src 'self';/)
    assert.match(policy, /default-src 'none'/)
    assert.ok(!(await answer.text()).includes('<script>'))
  })

  test('loads 200 kB of scripts at the most for the first view', async () => {
    const account = await customer(server, { lines: [] })
    await using visited = await visit(browser, 'about:blank')
    const { page } = visited
    let bytes = 0
    page.on('response', async (response) => {
      if (!response.url().endsWith('.js')) return
      assert.equal(response.headers()['content-encoding'], 'gzip')
      assert.match(response.headers()['cache-control'] ?? '', /immutable/)
      bytes += Number(response.headers()['content-length'])
    })
    await page.goto(server.base)
    await signIn(page, account)
    await page.getByText('Nobody has written yet').waitFor()
    assert.ok(bytes > 50_000 && bytes <= 200_000, `${bytes} bytes`)
  })

  test('has nothing serious against it in any view, on a wide screen and on a phone, in light and dark', async () => {
    await using visited = await enter()
    const { page, account, line } = visited
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: ['https://example.com/hook'] })
    await account.write({ to_number: line })
    await account.write({ to_number: line, number: '+14155550150', service: 'SMS' })
    await account.settled(await account.markRead('+14155550150', line))
    await account.settled(await account.markRead(CONTACT, line))
    await openConversation(page)
    const conversation = new URL(page.url()).pathname
    for (const viewport of [
      { width: 1440, height: 900 },
      { width: 390, height: 844 },
    ]) {
      await page.setViewportSize(viewport)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        for (const [path, sign] of [...VIEWS, [conversation, 'Mark read'] as const]) {
          await page.goto(`${server.base}${path}`)
          await page.getByText(sign).first().waitFor()
          assert.deepEqual(await complaintsOfAxe(page), [], `${path} ${viewport.width} ${colorScheme}`)
        }
      }
    }
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})

describe('the demo’s link', { skip }, () => {
  test('signs in once, and leaves no trace of itself in the address', async () => {
    await using folder = await dataFolder()
    await using server: ServerProcess = await startProcess({ dataDir: folder.path, env: { READBACK_DEMO: '1' } })
    const greeting = await until('the greeting', server.output, (text) => text.includes('The keys are kept in'))
    const link = /http\S+#sign-in=\S+/.exec(greeting)?.[0] ?? ''
    await using browser = await openBrowser()
    await using first = await visit(browser, link)
    await first.page.getByRole('link', { name: new RegExp(`\\${CONTACT}`) }).click()
    assert.ok(!first.page.url().includes('#'))
    await first.page.getByRole('button', { name: 'Mark read' }).click()
    await reads(first.page, 1)
    await using second = await visit(browser, link)
    await second.page.getByText('This link was used already').waitFor()
    assert.deepEqual([first.complaints, second.complaints], [[], []])
  })
})

const VIEWS = [
  ['/conversations', CONTACT],
  ['/overview', 'What did not go out'],
  ['/lines', 'Probe now'],
  ['/webhooks', 'https://example.com/hook'],
  ['/settings', 'you are signed in by it'],
] as const

async function openConversation(page: Page): Promise<void> {
  await page.getByRole('link', { name: new RegExp(`\\${CONTACT}`) }).click()
  await page.getByRole('button', { name: 'Mark read' }).waitFor()
}

const phone = (page: Page) => page.getByRole('log', { name: 'What the phone shows' })
const log = (page: Page) => page.getByRole('log', { name: 'Messages and receipts' })

async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel('Write as the contact', { exact: true }).fill(text)
  await page.keyboard.press('Enter')
}

/** The phone shows that so many times. */
async function reads(page: Page, times: number): Promise<void> {
  const marks = phone(page).getByText('Read', { exact: true })
  await until(
    `"Read" to be shown ${times} times`,
    () => marks.count(),
    (count) => count === times,
  )
}

/** What axe finds to be serious. */
async function complaintsOfAxe(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const found = await page.evaluate<{
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
  }>('axe.run(document, { resultTypes: ["violations"] })')
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    )
}
