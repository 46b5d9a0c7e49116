import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { type Database, runSql } from './postgres.ts'
import { type Customer, LINE } from './readback.ts'

/** Callers call without end while something happens; then whatever got a 200 or 201 must be there, once. */
export async function mustKeep(account: Customer, { url }: Database, happen: () => Promise<void>): Promise<void> {
  const accepted = new Set<string>()
  const handles: string[] = []
  let over = false
  const callers = Array.from({ length: 16 }, async (_, caller) => {
    for (let call = 0; !over; call++) {
      const number = `+1415${5_550_100 + ((caller * 31 + call) % 100)}`
      const marked = await account.call('POST', '/api/mark-read', { number, from_number: LINE })
      if (marked.status === 200) accepted.add(marked.headers.get('readback-receipt-id') ?? '')
      else assert.equal(marked.status, 503)
      const message = { number, to_number: LINE, content: 'Hello', message_id: `${caller} ${call}` }
      // The carrier brings it until it is taken.
      for (let status = 0; status !== 201; ) {
        const written = await account.call('POST', '/simulator/messages', message)
        status = written.status
        if (status === 201) handles.push(written.body.messages[0].message_handle)
      }
    }
  })
  await pause(300)
  await happen()
  await pause(300)
  over = true
  await Promise.all(callers)
  assert.ok(accepted.size > 0)
  const receipts = await Promise.all([...accepted].map((id) => account.settled(id)))
  assert.deepEqual(
    receipts.filter(({ state }) => state !== 'sent'),
    [],
  )
  const twice = 'select carrier_message_id from messages group by line_id, carrier_message_id having count(*) > 1'
  assert.deepEqual(await runSql(url, twice), [])
  const shown = await Promise.all(Array.from({ length: 100 }, (_, index) => account.phone(`+1415${5_550_100 + index}`)))
  const onPhones = shown.flat().map(({ message_handle }) => message_handle)
  assert.deepEqual(new Set(handles).difference(new Set(onPhones)), new Set())
}
