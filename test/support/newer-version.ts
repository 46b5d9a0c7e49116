import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
export const NEWER = '9999-newer'

/** All that a migration may do: to every table, so that no statement of the version before goes by what a table looks like. */
const migration = (ending: string) => `import { type Kysely, sql } from 'kysely'
export const newer = () => ({
  async up(db: Kysely<unknown>) {
    for (const { name } of await db.introspection.getTables()) {
      await sql\`alter table \${sql.table(name)} add column newer_note text\`.execute(db)
      await sql\`alter table \${sql.table(name)} add column newer_count bigint not null default 0\`.execute(db)
    }
    await sql\`create table newer_things (id bigint primary key, note text)\`.execute(db)
    await sql\`create index newer_messages on messages (newer_count, id)\`.execute(db)
    ${ending}
  },
})
`

/** This program as its next version will be: with one migration more, which ends as it is told to. */
export async function newerVersion(ending = ''): Promise<AsyncDisposable & { readonly main: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'readback-newer-'))
  for (const name of ['src', 'package.json']) await cp(join(ROOT, name), join(folder, name), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const migrations = join(folder, 'src/store/migrations')
  await writeFile(join(migrations, `${NEWER}.ts`), migration(ending))
  const index = await readFile(join(migrations, 'index.ts'), 'utf8')
  const changed = index.replace(/const MIGRATIONS:.* = \{\n/, `$&  '${NEWER}': newer,\n`)
  assert.notEqual(changed, index)
  await writeFile(join(migrations, 'index.ts'), `import { newer } from './${NEWER}.ts'\n${changed}`)
  return { main: join(folder, 'src/main.ts'), [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}
