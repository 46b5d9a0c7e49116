import type { ConversationId } from '../../core/id.ts'
import type { Queued } from './acceptance.ts'

/** A few hundred bytes each. */
const MOST_KEPT = 65_536

/**
 * Conversations in which something was asked for lately, by their places: whoever asks again joins without looking for it. That took
 * a third of what a join costs, and more in a store of millions, where each that is active lies on pages of its own. All that is
 * written goes through the one writer, which forgets what it changes in another way.
 */
export class Recent {
  readonly #queued = new Map<string, Queued>()
  readonly #places = new Map<ConversationId, string>()

  find(place: string): Queued | undefined {
    return this.#queued.get(place)
  }

  note(place: string, queued: Queued): void {
    if (this.#queued.size >= MOST_KEPT && !this.#queued.has(place)) this.forgetAll()
    this.#queued.set(place, queued)
    this.#places.set(queued.id, place)
  }

  forget(id: ConversationId): void {
    const place = this.#places.get(id)
    if (place === undefined) return
    this.#queued.delete(place)
    this.#places.delete(id)
  }

  forgetAll(): void {
    this.#queued.clear()
    this.#places.clear()
  }
}
