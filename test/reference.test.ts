import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openBrowser, visit } from './support/browser.ts'
import { type Readback, startReadback } from './support/readback.ts'
import { requireBrowser } from './support/requires.ts'

describe('the reference', () => {
  let server: Readback
  before(async () => {
    server = await startReadback()
  })
  after(() => server[Symbol.asyncDispose]())

  const get = (path: string) => fetch(`${server.base}${path}`)

  test('is a page without a script of its own, and lets in none from elsewhere', async () => {
    const response = await get('/docs')
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/html; charset=utf-8'])
    const policy = response.headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/)
    assert.doesNotMatch(policy, /unsafe|https?:|\*/)
    const page = await response.text()
    assert.doesNotMatch(page, /https?:\/\/|<script>|<style|style=|onload/)
  })

  test('has all that its page asks for on this server, each of its type', async () => {
    const page = await (await get('/docs')).text()
    const asked = [...page.matchAll(/(?:src|href)="(docs\/[^"]+)"/g)].map(([, path]) => path)
    assert.equal(asked.length, 3)
    for (const path of asked) {
      const response = await get(`/${path}`)
      const wanted = path?.endsWith('.css') ? 'text/css' : 'text/javascript'
      assert.deepEqual([response.status, response.headers.get('content-type')], [200, `${wanted}; charset=utf-8`], path)
      assert.ok((await response.text()).length > 50, path)
    }
    assert.match(await (await get('/docs/start.js')).text(), /openapi\.json/)
  })

  test('gives no other file', async () => {
    const others = [
      'none',
      'package.json',
      'swagger-ui.js',
      '..%2fpackage.json',
      '%2e%2e%2f%2e%2e%2fpackage.json',
      'constructor',
    ]
    for (const file of others) {
      const response = await get(`/docs/${file}`)
      assert.deepEqual(await response.json(), { status: 'ERROR', message: 'There is no such endpoint' }, file)
      assert.equal(response.status, 404, file)
    }
  })

  test('shows each door, light or dark as its reader’s system is', { skip: requireBrowser() }, async () => {
    await using browser = await openBrowser()
    const { paths } = (await (await get('/openapi.json')).json()) as { paths: Record<string, object> }
    const doors = Object.values(paths).flatMap((path) => Object.keys(path))
    for (const colorScheme of ['light', 'dark'] as const) {
      await using visited = await visit(browser, `${server.base}/docs`, { colorScheme })
      const { page } = visited
      await page.getByText('Mark a conversation as read').waitFor()
      assert.equal(await page.locator('.opblock').count(), doors.length)
      const title = await page.evaluate<string>('getComputedStyle(document.querySelector(".info .title")).color')
      assert.equal(isLight(title), colorScheme === 'dark', title)
      assert.deepEqual([...visited.complaints, ...visited.refused], [])
    }
  })

  test('takes no other method', async () => {
    assert.equal((await fetch(`${server.base}/docs`, { method: 'POST' })).status, 405)
    assert.equal((await fetch(`${server.base}/docs`, { method: 'HEAD' })).status, 200)
  })
})

function isLight(color: string): boolean {
  return (color.match(/\d+/g) ?? []).slice(0, 3).every((part) => Number(part) > 128)
}
