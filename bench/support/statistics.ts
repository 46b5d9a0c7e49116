/** Nearest rank; `share` 0.99 is the 99th percentile. Expects ascending order. */
function percentile(ascending: ArrayLike<number>, share: number): number {
  if (ascending.length === 0) return Number.NaN
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] as number
}

export function median(values: readonly number[]): number {
  const ascending = [...values].sort((a, b) => a - b)
  const middle = ascending.length >> 1
  const upper = ascending[middle] ?? Number.NaN
  return ascending.length % 2 === 1 ? upper : ((ascending[middle - 1] ?? Number.NaN) + upper) / 2
}

export interface Summary {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export function summary(values: Iterable<number>): Summary {
  const ascending = Float64Array.from(values).sort()
  return { p50: percentile(ascending, 0.5), p99: percentile(ascending, 0.99), max: percentile(ascending, 1) }
}

/** The whole numbers below `length` in an order that the seed alone decides, so that every run asks alike. */
export function shuffled(length: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length }, (_, index) => index)
  let state = seed * 2_654_435_769 + 1
  for (let last = length - 1; last > 0; last--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = Math.floor((state / 2 ** 32) * (last + 1))
    const kept = order[last] as number
    order[last] = order[other] as number
    order[other] = kept
  }
  return order
}
