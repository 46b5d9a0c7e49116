import { ReadbackError } from '../core/errors.ts'
import { formatId, type Id, type IdKind, parseId } from '../core/id.ts'

/** What goes before a page that begins at a cursor; undefined for the first. */
export function fromCursor<Kind extends IdKind>(kind: Kind, cursor: string | undefined): Id<Kind> | undefined {
  if (cursor === undefined) return undefined
  const id = parseId(kind, cursor)
  if (id === undefined) throw badCursor()
  return id
}

/** A page of what was found, and its `next_cursor`. One more than fits it is asked for: it tells that there is another. */
export function pageOf<Kind extends IdKind, Row extends { readonly id: Id<Kind> }>(
  kind: Kind,
  found: readonly Row[],
  limit: number,
): { readonly rows: readonly Row[]; readonly nextCursor: string | null } {
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  return { rows, nextCursor: found.length > limit && last !== undefined ? formatId(kind, last.id) : null }
}

export function badCursor(): ReadbackError {
  return new ReadbackError('invalid', '`cursor` must be a `next_cursor` of an earlier answer')
}
