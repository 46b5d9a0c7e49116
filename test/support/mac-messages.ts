import recorded from '../fixtures/bluebubbles/macos15-webhooks.json' with { type: 'json' }

/** A row of the Mac's table of messages, as BlueBubbles shows it. */
export interface Row {
  readonly originalROWID: number
  readonly guid: string
  readonly text: string | null
  readonly dateCreated: number
  readonly isFromMe: boolean
  readonly chats: readonly { readonly guid: string }[]
  readonly attachments: readonly object[]
  dateRead: number | null
}

interface Query {
  readonly limit?: number
  readonly offset?: number
  readonly sort?: 'ASC' | 'DESC'
  readonly with?: readonly string[]
  readonly where?: readonly { readonly statement: string; readonly args: Readonly<Record<string, number>> }[]
}

/** As BlueBubbles' own app spells them; `imessage-rs` knows no others. */
const CONDITIONS: Readonly<Record<string, (row: Row, args: Readonly<Record<string, number>>) => boolean>> = {
  'message.ROWID > :startRowId': ({ originalROWID }, { startRowId = 0 }) => originalROWID > startRowId,
  'message.ROWID <= :endRowId': ({ originalROWID }, { endRowId = 0 }) => originalROWID <= endRowId,
}

/** The table of messages of a Mac: rows get growing numbers, whatever their date. */
export class MacMessages {
  rows: Row[] = []
  #last = 0

  /** As the recording of a direct iMessage, but for the change. */
  write(change: Partial<Row> = {}): Row {
    this.#last += 1
    const fresh = { originalROWID: this.#last, guid: crypto.randomUUID().toUpperCase(), dateCreated: Date.now() }
    const row = { ...recorded['direct-imessage'].data, dateRead: null, ...fresh, ...change } as unknown as Row
    this.rows.push(row)
    return row
  }

  /** What comes later to a row that is there. */
  link(guid: string, change: Partial<Row>): void {
    this.rows = this.rows.map((row) => (row.guid === guid ? { ...row, ...change } : row))
  }

  /** Another Mac in the place of this one. */
  rebuild(): void {
    this.rows = []
    this.#last = 0
  }

  markRead(chat: string, at: number): void {
    for (const row of this.rows) if (row.chats.some(({ guid }) => guid === chat)) row.dateRead ??= at
  }

  find(guid: string): Row | undefined {
    return this.rows.find((row) => row.guid === guid)
  }

  query({ limit = 100, offset = 0, sort = 'DESC', where = [], with: joined = [] }: Query): Row[] {
    const direction = sort === 'ASC' ? 1 : -1
    const matching = this.rows.filter((row) =>
      where.every(({ statement, args }) => {
        const condition = CONDITIONS[statement]
        if (condition === undefined) throw new Error(`An unknown condition: ${statement}`)
        return condition(row, args)
      }),
    )
    return matching
      .sort((a, b) => (a.dateCreated - b.dateCreated) * direction)
      .slice(offset, offset + Math.min(limit, 1_000))
      .map((row) => ({
        ...row,
        chats: joined.includes('chat') ? row.chats : [],
        attachments: joined.includes('attachment') ? row.attachments : [],
      }))
  }
}

export const contactOf = (n: number) => `+1415555${String(1_000 + n)}`

/** What a message from that contact changes in the recording. */
export function from(contact: string): Partial<Row> {
  const { handle, chats } = recorded['direct-imessage'].data
  return {
    handle: { ...handle, address: contact },
    chats: [{ ...chats[0], guid: `iMessage;-;${contact}` }],
  } as unknown as Partial<Row>
}
