/** Text that every engine gives back as it was: PostgreSQL keeps no NUL, and UTF-8 has no half of a surrogate pair. */
export function isPlainText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** Such a text made of any: for a NUL, or half of a character that somebody cut, nothing of it must be lost. */
export function toPlainText(text: string): string {
  return text.replaceAll('\0', '').toWellFormed()
}
