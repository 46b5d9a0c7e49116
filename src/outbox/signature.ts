import { createHmac } from 'node:crypto'

/** What is signed: the id of the delivery, the same on every try, the time of this one, and the body's bytes. */
export interface Signed {
  readonly id: string
  readonly at: number
  readonly body: string
}

/**
 * The headers by which a customer knows that a webhook is ours (`docs/api.md`, "Webhooks"): Standard Webhooks 1.0, which any stock
 * verifier takes, and `t=,v1=` as card processors have it. One signature for each secret: while one is being replaced, both are good.
 */
export function signatureHeaders({ id, at, body }: Signed, secrets: readonly string[]): Record<string, string> {
  const seconds = Math.floor(at / 1_000)
  const standard = secrets.map((secret) => `v1,${hmac(keyOf(secret), `${id}.${seconds}.${body}`, 'base64')}`)
  const plain = secrets.map((secret) => `v1=${hmac(secret, `${seconds}.${body}`, 'hex')}`)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': standard.join(' '),
    'x-sendblue-signature': [`t=${seconds}`, ...plain].join(','),
  }
}

const PREFIX = 'whsec_'

/** The base64 behind `whsec_`, else the secret as it stands. */
function keyOf(secret: string): Buffer {
  return secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret)
}

function hmac(key: Buffer | string, text: string, encoding: 'base64' | 'hex'): string {
  return createHmac('sha256', key).update(text).digest(encoding)
}
