import type { HttpCaller } from '../outgoing/http-call.ts'
import { excerpt } from './carrier-call.ts'

/** Fetches what a customer's `media_url` leads to: public addresses alone, and so much. */
export type MediaCaller = Pick<HttpCaller, 'download'>

/** Messages itself takes no larger one. */
export const LARGEST_MEDIA = 100 * 1024 * 1024

export interface Media {
  readonly kind: 'media'
  readonly bytes: Buffer
  readonly type: string
  readonly name: string
}

/** A URL of the customer's that does not answer is the customer's to mend: others of the line do not wait for it. */
type NoMedia = { readonly kind: 'rejected'; readonly reason: 'media_not_fetched'; readonly detail: string }

export async function fetchMedia(caller: MediaCaller, url: string): Promise<Media | NoMedia> {
  const got = await caller.download(url)
  if (got.kind !== 'file') return notFetched(`${got.reason} ${got.detail ?? ''}`)
  if (got.status !== 200 || got.bytes.length === 0) return notFetched(`${got.status}, ${got.bytes.length} bytes`)
  const type = got.type.split(';')[0]?.trim() || 'application/octet-stream'
  return { kind: 'media', bytes: got.bytes, type, name: nameOf(url, type) }
}

function notFetched(detail: string): NoMedia {
  return { kind: 'rejected', reason: 'media_not_fetched', detail: excerpt(detail.trim(), []) }
}

/** By its ending a phone knows how to show it. */
function nameOf(url: string, type: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  const name = last.replace(/[^\w.-]/g, '').slice(-100)
  const ending = /^[\w]+$/.exec(type.split('/')[1] ?? '')?.[0] ?? 'bin'
  return /\.\w+$/.test(name) ? name : `${name || 'attachment'}.${ending}`
}
