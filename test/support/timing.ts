import type { Customer } from './readback.ts'

export const HOUR = { mode: 'after', delay_s: 3_600 }

export const setTiming = (account: Customer, auto_mark_read_timing: unknown, from_number?: string) =>
  account.must(200, 'PATCH', '/readback/v1/settings', { auto_mark_read_timing, ...(from_number && { from_number }) })

/** The receipt that was asked for last. */
export async function newest(account: Customer) {
  const [receipt] = (await account.must(200, 'GET', '/readback/v1/receipts')).body.data
  return receipt
}
