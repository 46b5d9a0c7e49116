interface ClaimingOptions<Call, Claimed> {
  readonly claim: (call: Call) => Promise<Claimed>
  /** Gives back what was claimed and not heard of. */
  readonly releaseLost: () => Promise<void>
}

/**
 * A lane's claims. A store that goes away in the middle of one may have written it all the same: what it then took would be under
 * way for ever, and carried by nobody.
 */
export class Claiming<Call, Claimed> {
  readonly #options: ClaimingOptions<Call, Claimed>
  #lost = false

  constructor(options: ClaimingOptions<Call, Claimed>) {
    this.#options = options
  }

  /** Throws when the store is away. */
  async claim(call: Call): Promise<Claimed> {
    await this.settle()
    this.#lost = true
    const claimed = await this.#options.claim(call)
    this.#lost = false
    return claimed
  }

  /** What the last claim took is not carried, as though it had not been heard of. */
  forsake(): void {
    this.#lost = true
  }

  /** Afterwards nothing is claimed that the lane has not heard of. Throws when the store is away. */
  async settle(): Promise<void> {
    if (!this.#lost) return
    await this.#options.releaseLost()
    this.#lost = false
  }
}
