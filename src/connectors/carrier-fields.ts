import { z } from 'zod'
import { isPlainText, toPlainText } from '../core/plain-text.ts'

/** What a carrier names a message or a conversation by; the longest is a group's, or an e-mail address with a prefix. */
export const ID = z.string().min(1).max(512).refine(isPlainText)

/** Epoch milliseconds that a date can be made of. */
export const TIME = z.int().positive().max(8.64e15)

/** A text, or a URL; null for an empty one. */
export function textOf(text: string | null | undefined): string | null {
  return toPlainText(text ?? '') || null
}
