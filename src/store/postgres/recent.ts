import type { LineId } from '../../core/id.ts'
import type { KeyEntryRow } from './entries.ts'
import type { FoundPlace, ReceiptVersion } from './places.ts'

/** Three hundred bytes each, in two generations. */
export const MOST_PLACES = 131_072
const MOST_ENTRIES = 10_000

/** A place with something queued, as this node left it. */
export interface RecentPlace extends FoundPlace {
  readonly lineId: LineId
  readonly before: ReceiptVersion
}

/**
 * What this node read and wrote lately, by the words that calls have for it. Others may have changed it since: whoever goes by it
 * names the versions, and the statement that writes does nothing where they are not the same any more.
 */
export class Recent {
  #places = new Map<string, RecentPlace>()
  #earlier = new Map<string, RecentPlace>()
  readonly #entries = new Map<string, KeyEntryRow>()

  place(key: string): RecentPlace | undefined {
    return this.#places.get(key) ?? this.#earlier.get(key)
  }

  notePlace(key: string, place: RecentPlace): void {
    if (this.#places.size >= MOST_PLACES && !this.#places.has(key)) {
      this.#earlier = this.#places
      this.#places = new Map()
    }
    this.#places.set(key, place)
  }

  forgetPlace(key: string): void {
    this.#places.delete(key)
    this.#earlier.delete(key)
  }

  entry(key: string): KeyEntryRow | undefined {
    return this.#entries.get(key)
  }

  noteEntry(key: string, row: KeyEntryRow): void {
    if (this.#entries.size >= MOST_ENTRIES) this.#entries.clear()
    this.#entries.set(key, row)
  }

  forgetEntry(key: string): void {
    this.#entries.delete(key)
  }
}
