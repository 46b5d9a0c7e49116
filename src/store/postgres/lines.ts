import type { ReadbackError } from '../../core/errors.ts'
import type { LineId } from '../../core/id.ts'
import type { Line } from '../../core/line.ts'
import type { PhoneNumber } from '../../core/phone-number.ts'
import type { LineStore } from '../../core/store.ts'
import { LINE_COLUMNS, type LineRow, noSuchLine, toLine } from '../lines.ts'
import { hashSecret } from '../seal.ts'
import { enter, findAdmissions } from './admissions.ts'
import { Batches, outcomeOf } from './batches.ts'
import type { Tools } from './telling.ts'
import { plannedOnce, type Transaction } from './transactions.ts'

type By = Parameters<LineStore['getLine']>[0]
type Own = Parameters<LineStore['getOwnLine']>[0]

/** Every carrier's call asks for its line, and so does everyone who writes at the simulated phone. */
export function lineMethods({ transactions, ...context }: Pick<Tools, 'transactions' | 'seal' | 'now'>) {
  const line = new Batches<By, Line>((calls) =>
    transactions.run('none', (transaction) => findLines(transaction, calls, context)),
  )
  const ownLine = new Batches<Own, Line>((calls) =>
    transactions.run('none', (transaction) => findOwnLines(transaction, calls, context)),
  )
  return {
    getLine: (by: By) => line.call(by),
    getOwnLine: (own: Own) => ownLine.call(own),
  } satisfies Partial<LineStore>
}

/** One for each, in order; `not_found` where there is none. */
async function findLines(
  transaction: Transaction,
  calls: readonly By[],
  { seal }: Pick<Tools, 'seal'>,
): Promise<(Line | ReadbackError)[]> {
  const hashes = calls.map((by) => ('inboundSecret' in by ? hashSecret(by.inboundSecret) : null))
  const rows = await transaction.rows<FoundRow>(FIND_LINES, [
    calls.flatMap((by) => ('id' in by ? by.id : [])),
    calls.flatMap((by) => ('number' in by ? by.number : [])),
    hashes.filter((hash) => hash !== null),
  ])
  // Each is opened once, however many calls name it: its settings are sealed.
  const lines = new Map<LineId | PhoneNumber | string, Line>()
  for (const row of rows) {
    const line = lines.get(row.id) ?? toLine(row, seal)
    for (const name of [row.id, row.number, row.inbound_secret_hash]) lines.set(name, line)
  }
  return calls.map((by, index) => {
    const name = 'id' in by ? by.id : 'number' in by ? by.number : (hashes[index] as string)
    return outcomeOf(() => lines.get(name) ?? noSuchLine())
  })
}

/** Of another's a caller learns as little as of one that is not there. */
async function findOwnLines(
  transaction: Transaction,
  calls: readonly Own[],
  context: Pick<Tools, 'seal' | 'now'>,
): Promise<(Line | ReadbackError)[]> {
  const asked = calls.map(({ credentials, number: fromNumber }) => ({ credentials, fromNumber }))
  const admissions = await findAdmissions(transaction, asked, context.now(), () => {})
  const own = asked.map((one, index) =>
    outcomeOf((): By => {
      const { id } = enter(one, admissions[index]).line ?? noSuchLine()
      return { id }
    }),
  )
  const found = (await findLines(transaction, own.filter(isFound), context)).values()
  return own.map((one) => (isFound(one) ? (found.next().value as Line | ReadbackError) : one))
}

function isFound(one: By | ReadbackError): one is By {
  return !(one instanceof Error)
}

type FoundRow = LineRow & { readonly inbound_secret_hash: string }

const LIVE = `select ${LINE_COLUMNS}, inbound_secret_hash from lines where removed_at is null`
const FIND_LINES = plannedOnce({
  name: 'find lines',
  text: `${LIVE} and id = any($1::bigint[]) union all ${LIVE} and number = any($2::text[])
    union all ${LIVE} and inbound_secret_hash = any($3::text[])`,
})
