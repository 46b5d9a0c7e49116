import type { EventId, LineId } from '../../core/id.ts'
import type { KeyAdmissionRow } from './admissions.ts'
import type { FoundPlace, ReceiptVersion } from './places.ts'

/** Three hundred bytes each, in two generations. */
export const MOST_RECEIPTS = 131_072
const MOST_ADMISSIONS = 10_000

/** A queued receipt as this node left it, and where: it reads up to the newest that was written there. */
export interface RecentReceipt extends ReceiptVersion, Pick<FoundPlace, 'conversationId'> {
  readonly lineId: LineId
}

/**
 * What this node read and wrote lately, by the words that calls have for it. Others may have changed it since: whoever goes by it
 * names the versions, and the statement that writes does nothing where they are not the same any more.
 */
export class Recent {
  #receipts = new Map<string, RecentReceipt>()
  #earlier = new Map<string, RecentReceipt>()
  #heard: EventId | undefined
  readonly #admissions = new Map<string, KeyAdmissionRow>()

  /** The event up to which it is known who has written: where that is undefined, no receipt is remembered. */
  get heard(): EventId | undefined {
    return this.#heard
  }

  /** That since then nobody has written but at these places. Where nobody knows, everything may have changed. */
  hear(heard: EventId | undefined, news: readonly string[]): void {
    this.#heard = heard
    if (heard !== undefined) {
      for (const place of news) this.forget(place)
      return
    }
    this.#receipts.clear()
    this.#earlier.clear()
  }

  at(place: string): RecentReceipt | undefined {
    return this.#receipts.get(place) ?? this.#earlier.get(place)
  }

  note(place: string, receipt: RecentReceipt): void {
    if (this.#heard === undefined) return
    const known = this.#receipts.get(place)
    // In place: new objects for old ones, thousands a second, would be garbage that only a full collection finds.
    if (known !== undefined) Object.assign(known, receipt)
    else this.#add(place, receipt)
  }

  #add(place: string, receipt: RecentReceipt): void {
    if (this.#receipts.size >= MOST_RECEIPTS) {
      this.#earlier = this.#receipts
      this.#receipts = new Map()
    }
    this.#receipts.set(place, receipt)
  }

  forget(place: string): void {
    this.#receipts.delete(place)
    this.#earlier.delete(place)
  }

  /**
   * A standby that took over may lack what was committed last, and give its ids and its transactions' ids again: versions that were
   * seen before it would then be trusted where they only look the same.
   */
  forgetAll(): void {
    this.hear(undefined, [])
    this.#admissions.clear()
  }

  admission(key: string): KeyAdmissionRow | undefined {
    return this.#admissions.get(key)
  }

  noteAdmission(key: string, row: KeyAdmissionRow): void {
    if (this.#admissions.size >= MOST_ADMISSIONS) this.#admissions.clear()
    this.#admissions.set(key, row)
  }

  forgetAdmission(key: string): void {
    this.#admissions.delete(key)
  }
}
