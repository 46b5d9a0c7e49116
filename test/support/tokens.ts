import { type Client, client } from './client.ts'
import type { Customer } from './readback.ts'

export const TOKENS = '/v3/auth/tokens'

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

export async function mint(account: Customer, body: object = {}) {
  return (await account.must(201, 'POST', TOKENS, body)).body
}

/** Who has nothing but a token that the account made. */
export async function holder(account: Customer, body: object = {}): Promise<Client> {
  return client(account.base, bearer((await mint(account, body)).token))
}
