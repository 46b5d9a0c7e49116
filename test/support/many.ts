import type { Desk } from './dashboard.ts'
import { fillingSqlite } from './filling.ts'
import type { Customer } from './readback.ts'

/** As many accounts as somebody would have to make one after the other, beside the first. */
export async function addAccounts({ server }: Pick<Desk, 'server'>, count: number): Promise<void> {
  await using filling = fillingSqlite({ path: server.dataDir })
  await filling.fill(
    count,
    `insert into accounts (email, plan, read_receipts_enabled, auto_mark_read, disabled, created_at)
      select 'customer' || n || '@example.com', 'free_api', 1, 0, 0, created_at from accounts cross join series where email like 'first@%'`,
  )
}

/** As many simulated lines as an operator would have to add one after the other. */
export async function addLines(
  { server }: Pick<Desk, 'server'>,
  { accountId }: Customer,
  count: number,
  first = 5_560_000,
): Promise<void> {
  await using filling = fillingSqlite({ path: server.dataDir })
  await filling.fill(
    count,
    `insert into lines (account_id, number, connector, settings, inbound_secret, inbound_secret_hash, to_enrol, paused, status, created_at)
      select account_id, '+1415' || (${first} + n), connector, settings, inbound_secret, hex(randomblob(32)), 0, 0, 'ONLINE', created_at
      from lines cross join series where account_id = ${Number.parseInt(accountId.slice(5), 36)}`,
  )
}
