import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { each, type JsonClient } from './json-client.ts'

const PATIENCE_MS = 20_000
const HANDSET = z.object({
  messages: z.array(z.object({ delivered_at: z.iso.datetime().nullable(), read_at: z.iso.datetime().nullable() })),
})
type Shown = z.infer<typeof HANDSET>['messages'][number]

/** Looks at the phones after the sending, not during it; again at those where something is still unread. */
export async function whenRead(client: JsonClient, phones: readonly string[], line: string): Promise<Shown[]> {
  const screens = new Map<string, Shown[]>()
  const giveUpAt = Date.now() + PATIENCE_MS
  let unread = phones
  while (unread.length > 0 && Date.now() < giveUpAt) {
    await sleep(1_000)
    const looked = unread
    await each(looked.length, 8, async (index) => {
      const phone = looked[index] as string
      screens.set(phone, await look(client, phone, line))
    })
    unread = looked.filter((phone) => screens.get(phone)?.some((message) => message.read_at === null))
  }
  return [...screens.values()].flat()
}

async function look(client: JsonClient, phone: string, line: string): Promise<Shown[]> {
  const query = new URLSearchParams({ number: phone, from_number: line })
  return HANDSET.parse(await client.call('GET', `/simulator/handset?${query}`, 200)).messages
}

/** From accepted to read, in milliseconds; none while it is not. */
export function waitOf({ delivered_at: delivered, read_at: read }: Shown): number[] {
  return delivered === null || read === null ? [] : [Date.parse(read) - Date.parse(delivered)]
}
