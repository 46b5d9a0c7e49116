import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Locator } from 'playwright-core'
import { signIn } from './support/browser.ts'
import { enter, holds, isChecked, log, openConversation, openDesk, refuse } from './support/dashboard.ts'
import { hasFocus } from './support/focus.ts'
import { customer } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

describe('what was typed in the dashboard', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('stays where the timing is changed elsewhere meanwhile, and goes out as it was typed', async () => {
    await using visited = await enter(desk, { path: '/settings' })
    const { page, account } = visited
    await page.getByLabel('After a pause').check()
    await page.getByLabel('Pause (s)').fill('42')
    await account.must(200, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing: { mode: 'on_reply' } })
    await account.must(200, 'POST', '/accounts/settings/auto-mark-read', { auto_mark_read: true })
    await isChecked(page.getByRole('switch', { name: 'Auto mark-read' }), true)
    assert.equal(await page.getByLabel('Pause (s)').inputValue(), '42')
    const send = page.getByRole('button', { name: 'Send 42 s later' })
    await send.click()
    await send.waitFor({ state: 'detached' })
    const { body } = await account.must(200, 'GET', '/readback/v1/settings')
    assert.deepEqual(body.auto_mark_read_timing, { mode: 'after', delay_s: 42, jitter_s: 3 })
    await account.must(200, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing: { mode: 'on_reply' } })
    await isChecked(page.getByLabel('With your reply'), true)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('is there again where one comes back to the settings: a pause, and secrets of new keys until each is put away', async () => {
    await using visited = await enter(desk, { path: '/settings' })
    const { page } = visited
    const [pause, secret] = [page.getByLabel('Pause (s)'), page.getByLabel('API secret key')]
    const secrets = () =>
      secret.evaluateAll((fields) => fields.map((field) => (field as unknown as { value: string }).value))
    await page.getByLabel('After a pause').check()
    await pause.fill('42')
    const made: string[] = []
    for (const _each of ['first', 'second', 'third']) {
      await page.getByRole('button', { name: 'Create a key' }).click()
      await secret.nth(made.length).waitFor()
      made.unshift(await secret.first().inputValue())
    }
    const comeBack = async () => {
      await page.getByRole('link', { name: 'Overview' }).click()
      await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
      await page.getByRole('link', { name: 'Settings' }).click()
      await page.getByRole('button', { name: 'Create a key' }).waitFor()
    }
    await comeBack()
    assert.equal(new Set(made).size, 3)
    assert.deepEqual([await pause.inputValue(), await secrets()], ['42', made])
    // One who comes back to do something else begins at the top.
    await hasFocus(page, page.getByRole('link', { name: 'Settings' }))
    await page.getByRole('button', { name: 'Send 42 s later' }).click()
    await page.getByRole('button', { name: 'Send 42 s later' }).waitFor({ state: 'detached' })
    const close = page.getByRole('region', { name: 'API keys' }).getByRole('button', { name: 'Close' })
    await close.nth(1).click()
    const id = await page.getByLabel('API key id').last().inputValue()
    await page.getByRole('button', { name: `Revoke ${id}` }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await secret.nth(1).waitFor({ state: 'detached' })
    assert.deepEqual(await secrets(), [made[0]])
    await close.click()
    await comeBack()
    assert.deepEqual([await pause.inputValue(), await secret.count()], ['42', 0])
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('is no number of seconds while it is none', async () => {
    await using visited = await enter(desk, { path: '/settings' })
    const { page } = visited
    await page.getByLabel('After a pause').check()
    for (const typed of ['-', '.', '']) {
      await page.getByLabel('Pause (s)').fill('7')
      await page.getByRole('button', { name: 'Send 7 s later' }).waitFor()
      await page.getByLabel('Pause (s)').fill(typed)
      await page.getByRole('button', { name: /^Send (?:0|7) s later/ }).waitFor()
    }
  })

  test('is there again where one comes back to a conversation, also what could not be sent since', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line, number: '+14155550150' })
    await account.write({ to_number: line })
    await openConversation(page)
    const [reply, asContact] = [
      page.getByLabel('Reply as the line', { exact: true }),
      page.getByLabel('Write as the contact', { exact: true }),
    ]
    await reply.fill('To be sent')
    await asContact.fill('Half a sentence')
    const failed = Promise.withResolvers<void>()
    await page.route('**/api/send-message', async (route) => {
      await failed.promise
      await refuse(route)
    })
    await reply.press('Enter')
    await until(
      'the reply to go',
      () => reply.inputValue(),
      (text) => text === '',
    )
    await page.getByRole('link', { name: /\+14155550150/ }).click()
    await page.getByRole('heading', { level: 1, name: '+14155550150' }).waitFor()
    assert.deepEqual([await reply.inputValue(), await asContact.inputValue()], ['', ''])
    const answered = page.waitForResponse('**/api/send-message')
    failed.resolve()
    await answered
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByText('What did not go out').waitFor()
    await page.getByRole('link', { name: 'Conversations' }).click()
    await openConversation(page)
    assert.deepEqual([await reply.inputValue(), await asContact.inputValue()], ['To be sent', 'Half a sentence'])
    assert.deepEqual(visited.complaints, [])
  })

  test('is not sent by the Enter that chooses a character, which Safari tells of once that is chosen', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    const reply = page.getByLabel('Reply as the line', { exact: true })
    await reply.fill('日本')
    await reply.dispatchEvent('keydown', { key: 'Enter', keyCode: 229, isComposing: false })
    assert.equal(await reply.inputValue(), '日本')
    await reply.press('Enter')
    await log(page).getByText('日本').waitFor()
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('is there again, but for secrets, for whoever signs in anew where their session ended elsewhere, and for nobody else', async () => {
    await using visited = await enter(desk, { path: '/settings' })
    const { page, account, line } = visited
    const [url, made] = [page.getByPlaceholder('https://example.com/hook'), page.getByLabel('API secret key')]
    await page.getByRole('button', { name: 'Create a key' }).click()
    await made.waitFor()
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await url.fill('https://example.com/half')
    const secret = page.getByLabel('Its own secret (optional)')
    await secret.fill('a secret')
    const end = async () => {
      await page.evaluate('fetch("/console/session", { method: "DELETE" }).then(() => undefined)')
      await account.write({ to_number: line })
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
    }
    for (const [who, shown] of [
      [account, 'https://example.com/half'],
      [await customer(desk.server, { lines: [] }), ''],
    ] as const) {
      await end()
      await signIn(page, who)
      await page.getByRole('link', { name: 'Webhooks' }).click()
      assert.deepEqual([await url.inputValue(), await secret.inputValue()], [shown, ''])
      await page.getByRole('link', { name: 'Settings' }).click()
      await page.getByRole('button', { name: 'Create a key' }).waitFor()
      assert.equal(await made.count(), 0)
    }
    assert.deepEqual(visited.complaints, [])
  })

  test('is there again where one comes back to a new endpoint, until it is added', async () => {
    await using visited = await enter(desk, { path: '/webhooks' })
    const { page } = visited
    const fields = [
      page.getByRole('textbox', { name: 'URL', exact: true }),
      page.getByLabel('For', { exact: true }),
      page.getByLabel('Its own secret'),
    ]
    const [url, type, secret] = fields as [Locator, Locator, Locator]
    const held = () => Promise.all(fields.map((field) => field.inputValue()))
    await url.fill('https://example.com/hook')
    await type.selectOption('read_receipt')
    await secret.fill('a-secret-of-its-own')
    const comeBack = async () => {
      await page.getByRole('link', { name: 'Overview' }).click()
      await page.getByText('What did not go out').waitFor()
      await page.getByRole('link', { name: 'Webhooks' }).click()
      await url.waitFor()
    }
    await comeBack()
    assert.deepEqual(await held(), ['https://example.com/hook', 'read_receipt', 'a-secret-of-its-own'])
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('button', { name: 'Test https://example.com/hook' }).waitFor()
    await holds(url, '')
    await comeBack()
    assert.deepEqual(await held(), ['', 'receive', ''])
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('stays where it is the next endpoint, typed while the one before is on its way', async () => {
    await using visited = await enter(desk, { path: '/webhooks' })
    const { page } = visited
    const url = page.getByRole('textbox', { name: 'URL', exact: true })
    const secret = page.getByLabel('Its own secret')
    await url.fill('https://example.com/first')
    await secret.fill('a-secret-of-its-own')
    const typed = Promise.withResolvers<void>()
    await page.route('**/api/account/webhooks', async (route) => {
      if (route.request().method() === 'POST') await typed.promise
      await route.continue()
    })
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await url.fill('https://example.com/second')
    typed.resolve()
    await page.getByRole('button', { name: 'Test https://example.com/first' }).waitFor()
    await holds(secret, '')
    assert.equal(await url.inputValue(), 'https://example.com/second')
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })

  test('stays in a knob that the carrier counts down meanwhile, and turns it, also behind the zero that was there', async () => {
    await using visited = await enter(desk)
    const { page, account, line } = visited
    await account.write({ to_number: line })
    await openConversation(page)
    await page.getByText('Exactly how').click()
    const [fail, takes] = [page.getByLabel('Next that fail'), page.getByLabel('Call takes (ms)')]
    const turned = (knob: string, value: number) =>
      until(
        `${knob} to be ${value}`,
        () => account.must(200, 'GET', `/simulator/carrier?from_number=${encodeURIComponent(line)}`),
        ({ body }) => body[knob] === value,
      )
    await fail.fill('7')
    await account.carrier({ fail_next: 3, latency_ms: 250 })
    await holds(takes, '250')
    assert.equal(await fail.inputValue(), '7')
    await fail.press('Enter')
    await turned('fail_next', 7)
    await account.carrier({ fail_next: 0 })
    await holds(fail, '0')
    await fail.press('End')
    await page.keyboard.type('4')
    await fail.press('Enter')
    await turned('fail_next', 4)
    const share = page.getByLabel('Calls that fail (%)')
    await share.fill('20')
    await share.press('End')
    await page.keyboard.type('0')
    await share.press('Enter')
    await turned('failure_rate', 0.2)
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})
