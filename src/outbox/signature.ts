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
  const plain = secrets.map((secret) => `v1=${hmac(asItStands(secret), `${seconds}.${body}`, 'hex')}`)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': standard.join(' '),
    'x-sendblue-signature': [`t=${seconds}`, ...plain].join(','),
  }
}

const PREFIX = 'whsec_'

interface Key {
  readonly text: string
  readonly encoding: 'base64' | 'utf8'
}

/** The base64 behind `whsec_`, else the secret as it stands. As a text: given bytes, Node looks 30 µs long whether they are a key object. */
function keyOf(secret: string): Key {
  if (secret.startsWith(PREFIX)) return { text: secret.slice(PREFIX.length), encoding: 'base64' }
  return asItStands(secret)
}

function asItStands(text: string): Key {
  return { text, encoding: 'utf8' }
}

function hmac({ text: key, encoding }: Key, text: string, as: 'base64' | 'hex'): string {
  return createHmac('sha256', key, { encoding }).update(text).digest(as)
}
