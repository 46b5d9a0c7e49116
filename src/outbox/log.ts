/** The part of a logger that the outbox needs. Numbers, secrets and texts never go in. */
export interface OutboxLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}
