/** What a bench found: for people, and for programs. */
export interface Report {
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

/** Columns as wide as they need to be; the first is words, the others are figures. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0, column))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

export function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : '-'
}

export function fixed(value: number, digits: number, unit = ''): string {
  return Number.isFinite(value) ? `${value.toFixed(digits)}${unit}` : '-'
}

/** Progress goes to stderr, so that `--json` leaves nothing but JSON on stdout. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}
