import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HANDSET_LENGTH } from '../src/core/handset.ts'
import { startCustomerServer } from './support/customer-server.ts'
import {
  complaintsOfAxe,
  enter,
  holds,
  log,
  openConversation,
  openDesk,
  phone,
  reads,
  write,
} from './support/dashboard.ts'
import { CONTACT } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

describe('a conversation in the dashboard', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('shows "Read" on the phone by itself with auto on, and with auto off when "Mark read" is pressed', async () => {
    await using visited = await enter(desk, { auto: true })
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

  test('follows the switch in the settings with the next message', async () => {
    await using visited = await enter(desk)
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
    await using visited = await enter(desk, { auto: true })
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
    await log(page).getByText('Yes, all day').click()
    const panel = page.getByRole('dialog')
    await panel.getByText('As it is stored').waitFor()
    assert.deepEqual(await panel.getByText('Read receipts').allInnerTexts(), [], 'the line’s own has none')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('takes for read what the line wrote to a contact who is writing already, and answers', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line, content: 'Are you there?' })
    await openConversation(page)
    await page.getByLabel('Write as the contact', { exact: true }).focus()
    await account.must(200, 'POST', '/api/send-message', { number: CONTACT, from_number: line, content: 'Yes' })
    await log(page).getByText('· delivered').waitFor()
    await phone(page).getByText('Yes', { exact: true }).waitFor()
    await page.route('**/simulator/handset/open', (route) => route.abort(), { times: 1 })
    await page.getByLabel('Reply as the line', { exact: true }).focus()
    await page.getByLabel('Write as the contact', { exact: true }).focus()
    await write(page, 'Good')
    await log(page).getByText('· read').waitFor()
    assert.deepEqual(visited.complaints, [], 'nor does the page complain where the phone could not be opened')
  })

  test('tells of a plan without it where the switch is, and of a webhook that failed where the message is', async () => {
    await using theirs = await startCustomerServer()
    // It is not tried again by itself meanwhile.
    theirs.answer = (_, response) => response.writeHead(500, { 'retry-after': '3600' }).end('no')
    await using visited = await enter(desk, { plan: 'enterprise' })
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
    await using visited = await enter(desk, { auto: true })
    const { page } = visited
    await page.getByRole('button', { name: 'A new contact writes' }).click()
    await page.locator('[role=menuitem]:focus').waitFor()
    assert.deepEqual(await complaintsOfAxe(page), [])
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
    await phone(page).getByText('Hello, all of you').waitFor()
    const written = log(page).locator('.entry', { hasText: 'Hello, all of you' })
    await written.getByText('not by itself: no receipt goes to a group').waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('stays the phone of whom it was in a group, however much the others write, until another is chosen', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    const [first, other] = ['+14155550150', '+14155550151']
    const says = (number: string, content: string) =>
      account.write({ to_number: line, group_id: 'book-club', number, content })
    await says(first, 'The first of all')
    for (let n = 1; n < HANDSET_LENGTH; n++) await says(other, `Message ${n}`)
    await page.getByTitle('book-club').click()
    const whose = page.getByLabel('Whose phone')
    await holds(whose, first)
    await says(other, 'One more')
    await phone(page).getByText('The first of all').waitFor({ state: 'detached' })
    for (const number of [first, other]) {
      if (number === other) await whose.selectOption(other)
      await write(page, `By ${number}`)
      const written = log(page).locator('.entry', { hasText: `By ${number}` })
      await written.locator('.author').getByText(number).waitFor()
      assert.equal(await whose.inputValue(), number)
    }
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('leaves whoever went elsewhere meanwhile where they are once somebody new has written', async () => {
    await using visited = await enter(desk)
    const { page } = visited
    const gone = Promise.withResolvers<void>()
    await page.route('**/simulator/messages', async (route) => {
      await gone.promise
      await route.continue()
    })
    await page.getByRole('button', { name: 'A new contact writes' }).click()
    await page.getByRole('menuitem', { name: 'New group' }).click()
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByText('What did not go out').waitFor()
    const written = page.waitForResponse('**/console/messages/*')
    gone.resolve()
    await (await written).finished()
    // By the time of another answer the page has heard of this one.
    await page.evaluate('fetch("/console/session").then((answer) => answer.text())')
    assert.equal(new URL(page.url()).pathname, '/overview')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('finds nothing where a conversation is another account’s', async () => {
    await using mine = await enter(desk)
    await mine.account.write({ to_number: mine.line })
    await openConversation(mine.page)
    const url = mine.page.url()
    await using theirs = await enter(desk, { path: new URL(url).pathname })
    await theirs.page.getByText('No such conversation').waitFor()
    assert.equal(await theirs.page.getByText(CONTACT).count(), 0)
    assert.deepEqual(theirs.complaints, [])
  })

  test('shows HTML, scripts, right-to-left text and 20,000 characters as text', async () => {
    await using visited = await enter(desk)
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
    await account.write({ to_number: line, content: `a${'😀'.repeat(800)}` })
    await log(page)
      .getByText(`a${'😀'.repeat(599)}…`, { exact: true })
      .waitFor()
    assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'nothing sticks out')
    assert.equal(await page.title(), 'Conversations · Readback')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})
