import type { LineId } from '../core/id.ts'
import type { LineStore, LineToEnrol } from '../core/store.ts'
import type { Context } from './context.ts'
import { liveLines, noSuchLine, toLine } from './lines.ts'
import { hashSecret, randomSecret } from './seal.ts'

export async function inboundSecret(context: Context, { id, renew }: { id: LineId; renew: boolean }): Promise<string> {
  const { db, seal } = context
  const row = await liveLines(context).select('inbound_secret').where('id', '=', id).executeTakeFirst()
  const secret = seal.open('inbound secret', (row ?? noSuchLine()).inbound_secret)
  if (!renew) return secret
  const renewed = randomSecret()
  await db
    .updateTable('lines')
    .set({
      inbound_secret: seal.close('inbound secret', renewed),
      inbound_secret_hash: hashSecret(renewed),
      to_enrol: 1,
    })
    .where('id', '=', id)
    .execute()
  return renewed
}

export async function linesToEnrol(
  context: Context,
  { inboundBase, id }: Parameters<LineStore['linesToEnrol']>[0],
): Promise<LineToEnrol[]> {
  const untold = liveLines(context)
    .selectAll()
    .where((eb) => eb.or([eb('to_enrol', '=', 1), eb('inbound_base', '<>', inboundBase)]))
  const rows = await (id === undefined ? untold : untold.where('id', '=', id)).orderBy('id').execute()
  return rows.map((row) => ({
    line: toLine(row, context.seal),
    inboundSecret: context.seal.open('inbound secret', row.inbound_secret),
    before: row.inbound_base,
  }))
}

export async function enrolAgain({ db }: Context, { id }: { id: LineId }): Promise<void> {
  await db.updateTable('lines').set({ to_enrol: 1 }).where('id', '=', id).execute()
}

/** Not where the secret was renewed meanwhile, or the line changed or removed: then the carrier has not been told, or another was. */
export async function noteEnrolled(
  context: Context,
  { id, inboundSecret, inboundBase, settings }: Parameters<LineStore['noteEnrolled']>[0],
): Promise<boolean> {
  const { db, seal } = context
  const known = await liveLines(context).select('settings').where('id', '=', id).executeTakeFirst()
  if (known === undefined || seal.open('line settings', known.settings) !== JSON.stringify(settings)) return false
  const { numUpdatedRows } = await db
    .updateTable('lines')
    .set({ to_enrol: 0, inbound_base: inboundBase })
    .where('id', '=', id)
    .where('inbound_secret_hash', '=', hashSecret(inboundSecret))
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
