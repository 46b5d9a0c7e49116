/** Text that every engine gives back as it was: PostgreSQL keeps no NUL, and UTF-8 has no half of a surrogate pair. */
export function isPlainText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}
