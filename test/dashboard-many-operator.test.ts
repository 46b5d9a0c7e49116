import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { complaintsOfAxe, enterAsOperator, openDesk } from './support/dashboard.ts'
import { addLines } from './support/many.ts'
import { customer, startReadback } from './support/readback.ts'
import { requireDashboard } from './support/requires.ts'
import { until } from './support/until.ts'

const OTHER = '+14155550199'

describe('the dashboard, for an operator of many lines,', { skip: requireDashboard() }, () => {
  const desk = openDesk()

  test('shows those that are not online, by account, and leaves each where it is', async () => {
    await using server = await startReadback()
    const first = await customer(server)
    const second = await customer(server, { email: 'second@example.com', lines: [OTHER] })
    await addLines({ server }, first, 1_000)
    const leave = async (account: typeof first, number: string) => {
      await account.must(200, 'PUT', '/simulator/carrier', { from_number: number, offline: true })
      await server.operator.must(200, 'POST', `/operator/lines/${encodeURIComponent(number)}/probe`)
    }
    await leave(first, '+14155560042')
    await using visited = await enterAsOperator({ ...desk, server })
    const { page } = visited
    await page.getByRole('switch', { name: 'Only lines that are not online' }).press('Space')
    const probes = page.getByRole('button', { name: /^Probe now: / })
    const showing = (shown: readonly string[]) =>
      until(
        `${shown} alone`,
        () => probes.evaluateAll((those) => those.map((probe) => probe.getAttribute('aria-label'))),
        (labels) => labels.join() === shown.map((number) => `Probe now: ${number}`).join(),
      )
    await showing(['+14155560042'])
    await leave(second, OTHER)
    await first.must(200, 'PUT', '/simulator/carrier', { from_number: '+14155560042', offline: false })
    await probes.first().click()
    await showing(['+14155560042', OTHER])
    await page.getByRole('region', { name: 'second@example.com' }).getByText('offline', { exact: true }).waitFor()
    await page.getByRole('textbox', { name: 'Search by e-mail, id or number' }).fill('second@')
    await showing([OTHER])
    assert.deepEqual(await complaintsOfAxe(page), [])
    assert.deepEqual([...visited.complaints, ...visited.refused], [])
  })
})
