import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether a carrier gave the secret; in a time that tells nothing about it. */
export function sameSecret(given: unknown, secret: string): boolean {
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(secret))
}

/** Of one length, whatever was given: `timingSafeEqual` wants that. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
