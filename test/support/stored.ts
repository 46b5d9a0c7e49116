import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Readback } from './readback.ts'
import { until } from './until.ts'

interface Stored {
  readonly carrier_message_id: string
  readonly part: number
  readonly auto_reason: string | null
}

/** What the store has of that line, part by part. */
export function stored({ dataDir }: Readback, line: string): Stored[] {
  using database = new DatabaseSync(join(dataDir, 'readback.db'), { readOnly: true })
  const rows = database
    .prepare(
      `select carrier_message_id, part, auto_reason from messages
       where line_id = (select id from lines where number = ?) order by id`,
    )
    .all(line)
  return rows.map((row) => ({ ...row })) as unknown as Stored[]
}

/** The same, once it is that many. */
export const storedOnce = (server: Readback, line: string, count: number) =>
  until(
    `${count} messages to be stored`,
    () => stored(server, line),
    ({ length }) => length >= count,
  )
