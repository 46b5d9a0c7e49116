import { createCipheriv, createDecipheriv, hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** So many opened texts are at hand: those of as many lines and endpoints. */
const MOST_OPENED = 4_096

/** Encrypts secrets at rest: AES-256-GCM, a fresh 96-bit nonce each (NIST SP 800-38D, 8.2.2). */
export class Seal {
  readonly #key: Buffer
  /** A line's settings are asked for with each claim, an endpoint's secret with each call, and to open one takes 4 to 21 µs. */
  readonly #opened = new Map<string, string>()

  /** `secretKey`: 64 hex digits. */
  constructor(secretKey: string) {
    this.#key = Buffer.from(secretKey, 'hex')
  }

  /** `purpose` is bound into the seal, so that one column's secret cannot be moved into another. */
  close(purpose: string, text: string): string {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(purpose))
    return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64')
  }

  /** Throws when the text was sealed with another key, for another purpose, or changed since. */
  open(purpose: string, sealed: string): string {
    const both = `${purpose} ${sealed}`
    const known = this.#opened.get(both)
    if (known !== undefined) return known
    const text = this.#decipher(purpose, sealed)
    if (this.#opened.size >= MOST_OPENED) this.#opened.clear()
    this.#opened.set(both, text)
    return text
  }

  #decipher(purpose: string, sealed: string): string {
    const bytes = Buffer.from(sealed, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, 12))
    decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(-16))
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8')
  }
}

/** 256 random bits need no slow hash: a KDF for each request would be a denial of service made by ourselves. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'base64')
}

export function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** In constant time, and as long for a key that does not exist. */
export function secretMatches(secret: string, kept: string | undefined): boolean {
  const given = Buffer.from(hashSecret(secret))
  return timingSafeEqual(given, Buffer.from(kept ?? NOBODYS_HASH)) && kept !== undefined
}

const NOBODYS_HASH = hashSecret('')
