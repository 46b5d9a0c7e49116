import { ReadbackError } from '../core/errors.ts'
import type { Context } from './context.ts'

export const KEY_CHECK = 'key check'

/** Throws `invalid` when the store's secrets were sealed with another key: better at the start than at the first receipt. */
export async function checkKey({ db, seal }: Pick<Context, 'db' | 'seal'>): Promise<void> {
  // Of nodes that start together on an empty store the first one's key holds.
  await db
    .insertInto('facts')
    .values({ name: KEY_CHECK, value: seal.close(KEY_CHECK, KEY_CHECK) })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const row = await db.selectFrom('facts').select('value').where('name', '=', KEY_CHECK).executeTakeFirstOrThrow()
  try {
    seal.open(KEY_CHECK, row.value)
  } catch (error) {
    const message = 'READBACK_SECRET_KEY is not the one that this store was made with'
    throw new ReadbackError('invalid', message, { cause: error })
  }
}
