import type { ColumnDataType, ColumnDefinitionBuilder } from 'kysely'

/** Where the two engines differ, by name. Code asks the flag, never which engine it is. */
export interface Engine {
  /** The type of every whole number: times do not fit PostgreSQL's `integer`; SQLite's has 64 bits under any name. */
  readonly integer: ColumnDataType
  /** Makes a column the table's own growing number, never reused: message and receipt ids are compared by size. */
  readonly growing: (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder
  /** Whether joins go through logs before they reach their rows; false: each is written into its row at once. */
  readonly logsJoins: boolean
  /** Whether texts are compared byte for byte by themselves; false: a column that is searched by how it begins is told to. */
  readonly comparesBytes: boolean
  /** Whether a row that changes is written anew beside its old version, and cheaply where its page has room for that. */
  readonly keepsVersions: boolean
  /** Whether several processes share it, which then share its lines. */
  readonly leasesLines: boolean
}

export const SQLITE: Engine = {
  integer: 'integer',
  growing: (column) => column.primaryKey().autoIncrement(),
  logsJoins: true,
  comparesBytes: true,
  keepsVersions: false,
  leasesLines: false,
}

/** Nodes move their stores here from SQLite, so ids are taken as they come. */
export const POSTGRES: Engine = {
  integer: 'bigint',
  growing: (column) => column.primaryKey().generatedByDefaultAsIdentity(),
  logsJoins: false,
  comparesBytes: false,
  keepsVersions: true,
  leasesLines: true,
}
