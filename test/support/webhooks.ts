import type { Customer } from './readback.ts'

export const WEBHOOKS = '/api/account/webhooks'

export function addWebhooks(account: Customer, webhooks: unknown[], more: object = {}) {
  return account.must(200, 'POST', WEBHOOKS, { webhooks, ...more })
}

export async function deliveries(account: Customer, query = '') {
  return (await account.must(200, 'GET', `/readback/v1/webhook-deliveries${query}`)).body.data
}

/** As they are, by type, with the secret of all. */
export async function listed(account: Customer) {
  return (await account.must(200, 'GET', WEBHOOKS)).body.webhooks
}
