import type { Context } from './context.ts'

/**
 * Forgets what recognised inbound of long ago, some at a time; answers how many. What the simulated phone shows is left:
 * it asks by it whether a message was delivered.
 */
export async function forgetInbound(
  { db }: Context,
  { before, limit }: { before: number; limit: number },
): Promise<number> {
  const old = await db
    .selectFrom('seen_inbound as seen')
    .select(['line_id', 'carrier_message_id'])
    .where('seen_at', '<', before)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('handset_messages as phone')
            .select('phone.id')
            .whereRef('phone.line_id', '=', 'seen.line_id')
            .whereRef('phone.carrier_message_id', '=', 'seen.carrier_message_id'),
        ),
      ),
    )
    .limit(limit)
    .execute()
  for (const { line_id, carrier_message_id } of old) {
    await db
      .deleteFrom('seen_inbound')
      .where('line_id', '=', line_id)
      .where('carrier_message_id', '=', carrier_message_id)
      .execute()
  }
  return old.length
}
