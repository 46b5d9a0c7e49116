import { type OwnServer, ownServer } from '../../test/support/postgres.ts'

/** A PostgreSQL of the benchmark's own, as it is installed: every commit is on the disk before it is answered. */
export function postgresServer(dir: string): Promise<OwnServer> {
  return ownServer({ fsync: 'on' }, dir)
}

export type Engine = 'sqlite' | 'postgres'

/** What a store on that engine needs beside its folder. */
export async function databaseFor(engine: Engine, dir: string) {
  return engine === 'postgres' ? postgresDatabase(dir) : undefined
}

/** One database on a server of its own. */
async function postgresDatabase(dir: string): Promise<AsyncDisposable & { readonly url: string }> {
  await using undo = new AsyncDisposableStack()
  const server = undo.use(await postgresServer(dir))
  const { url } = undo.use(await server.database())
  const kept = undo.move()
  return { url, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
