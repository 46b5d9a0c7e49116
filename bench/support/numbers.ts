/** Numbers that no one has: area code 555 is not in use. */
export function contactNumber(index: number): string {
  return `+1555${String(index).padStart(7, '0')}`
}

export function lineNumber(index: number): string {
  return `+1202555${String(100 + index).padStart(4, '0')}`
}
