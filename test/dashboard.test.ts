import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inColors, openBrowser, signIn, visit } from './support/browser.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { complaintsOfAxe, enter, enterAsOperator, openConversation, openDesk, reads } from './support/dashboard.ts'
import { dataFolder } from './support/data-folder.ts'
import { type ServerProcess, startProcess } from './support/process.ts'
import { CONTACT, customer } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

const skip = requireDashboard()

describe('the dashboard', { skip }, () => {
  const desk = openDesk()

  test('says what is wrong with a wrong sign-in, and lets a right one in', async () => {
    const account = await customer(desk.server, { lines: [] })
    await using visited = await visit(desk.browser, desk.server.base)
    const { page, complaints } = visited
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.goto(desk.server.base)
      await page.getByLabel('API key id').waitFor()
      assert.deepEqual(await complaintsOfAxe(page), [], `signing in, ${colorScheme}`)
    }
    await page.getByLabel('API key id').fill('key_nobody')
    await page.getByLabel('API secret key').fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').getByText('That is not right').waitFor()
    await page.getByText('Operator', { exact: true }).click()
    assert.equal(await page.getByRole('alert').count(), 0, 'nothing was wrong with what is asked for now')
    await page.getByText('Account', { exact: true }).click()
    await signIn(page, account)
    await page.getByText('Nobody has written yet').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.equal(await page.getByRole('alert').count(), 0, 'nobody is told that they signed out')
    assert.deepEqual(complaints, [])
  })

  test('says in the overview what did not go out, why and what to do, and in the lines how they are', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line, number: '+14155550151', service: 'SMS' })
    await account.write({ to_number: line })
    await account.settled(await account.markRead('+14155550151', line))
    await account.settled(await account.markRead(CONTACT, line))
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByText('What is unread came by SMS, which carries no read receipts.').waitFor()
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
    await using visited = await enter(desk, { path: '/webhooks' })
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

  test('lets the operator make an account and a line for it, by a form that its connector declares', async () => {
    await using visited = await enterAsOperator(desk)
    const { page } = visited
    await page.getByRole('button', { name: 'New account' }).click()
    await page.getByLabel('E-mail').fill('grace@example.com')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByText('The secret is shown this once').waitFor()
    assert.match(await page.getByLabel('API secret key').inputValue(), /^[\w-]{43}$/)
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()

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

  test('makes keys, shows each secret once, and signs out whoever used one that is revoked, saying so', async () => {
    await using visited = await enter(desk, { path: '/settings' })
    const { page, account } = visited
    await page.getByRole('button', { name: 'Create a key' }).click()
    const id = await page.getByLabel('API key id').inputValue()
    const secret = await page.getByLabel('API secret key').inputValue()
    const keys = { 'sb-api-key-id': id, 'sb-api-secret-key': secret }
    await account.must(200, 'GET', '/api/lines')
    assert.equal((await account.call('GET', '/api/lines', undefined, keys)).status, 200)
    await using other = await visit(desk.browser, desk.server.base)
    await signIn(other.page, { keys })
    await page.getByRole('button', { name: `Revoke ${id}` }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await other.page.getByRole('alert').getByText('no longer signed in').waitFor()
    await other.page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.equal((await account.call('GET', '/api/lines', undefined, keys)).status, 401)
    assert.deepEqual([visited.complaints, other.complaints], [[], []])
  })

  test('shows in red what takes something away, in light and dark', async () => {
    await using visited = await enter(desk, { path: '/settings' })
    const { page } = visited
    await page.getByRole('button', { name: /^Revoke/ }).waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      await inColors(page, colorScheme)
      const color = await page.evaluate<string>(
        'getComputedStyle(document.querySelector("[aria-label^=Revoke]")).color',
      )
      const [red = 0, green = 0, blue = 0] = color.match(/\d+/g)?.map(Number) ?? []
      assert.ok(red - Math.max(green, blue) > 80, `${color} in ${colorScheme}`)
    }
  })

  test('can be read where it warns, asks once more or shows a secret', async () => {
    await using visited = await enter(desk, { path: '/settings', plan: 'inbound' })
    const { page } = visited
    await page.getByRole('button', { name: 'Create a key' }).click()
    await page.getByText('The secret is shown this once').waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      await inColors(page, colorScheme)
      assert.deepEqual(await complaintsOfAxe(page), [], colorScheme)
      await page
        .getByRole('button', { name: /^Revoke/ })
        .last()
        .click()
      await page.getByRole('button', { name: 'Keep it' }).waitFor()
      // What comes in is pale at first.
      await page.evaluate('Promise.allSettled(document.getAnimations().map((animation) => animation.finished))')
      assert.deepEqual(await complaintsOfAxe(page), [], `asks once more, ${colorScheme}`)
      await page.getByRole('button', { name: 'Keep it' }).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('lets scripts in from its own files alone', async () => {
    const answer = await fetch(desk.server.base)
    const policy = answer.headers.get('content-security-policy') ?? ''
    assert.match(policy, /script-src 'self';/)
    assert.match(policy, /default-src 'none'/)
    assert.ok(!(await answer.text()).includes('<script>'))
  })

  test('loads 200 kB of scripts at the most for the first view', async () => {
    const account = await customer(desk.server, { lines: [] })
    await using visited = await visit(desk.browser, 'about:blank')
    const { page } = visited
    let bytes = 0
    page.on('response', async (response) => {
      if (!response.url().endsWith('.js')) return
      assert.equal(response.headers()['content-encoding'], 'gzip')
      assert.match(response.headers()['cache-control'] ?? '', /immutable/)
      bytes += Number(response.headers()['content-length'])
    })
    await page.goto(desk.server.base)
    await signIn(page, account)
    await page.getByText('Nobody has written yet').waitFor()
    assert.ok(bytes > 50_000 && bytes <= 200_000, `${bytes} bytes`)
  })

  test('has nothing serious against it in any view, on a wide screen and on a phone, in light and dark', async () => {
    await using visited = await enter(desk)
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
      for (const [path, sign] of [...VIEWS, [conversation, 'Mark read'] as const]) {
        await page.goto(`${desk.server.base}${path}`)
        await page.getByText(sign).first().waitFor()
        assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1, `titles of ${path}`)
        for (const colorScheme of ['light', 'dark'] as const) {
          await inColors(page, colorScheme)
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
