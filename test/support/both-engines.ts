import { after, before, describe } from 'node:test'
import { nodeSettings, postgresServer, requirePostgres } from './postgres.ts'
import { type Customer, customer, type Readback, startReadback } from './readback.ts'
import { share } from './shared.ts'

type Settings = () => Promise<Readonly<Record<string, string>>>

/** A server on an engine, and an account of it with a line. */
export interface Desk {
  server: Readback
  account: Customer
}

/** Those suites once for each engine. */
export function describeOnBoth(suites: (desk: Desk) => void): void {
  describe('on SQLite', () => suites(openDesk(async () => ({}))))
  describe('on PostgreSQL', { skip: requirePostgres() }, () => {
    const postgres = share(postgresServer)
    suites(openDesk(async () => nodeSettings(await postgres.database())))
  })
}

function openDesk(settings: Settings): Desk {
  const desk = {} as Desk
  before(async () => {
    desk.server = await startReadback(await settings())
    desk.account = await customer(desk.server)
  })
  after(() => desk.server[Symbol.asyncDispose]())
  return desk
}
