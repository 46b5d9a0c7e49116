export const TWO_ADDRESSES = 'two.example'

/** A name that has two addresses, in the place of the system's. */
export function lookup(name: string, _: object, answer: (error: Error | null, ...found: unknown[]) => void): void {
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
  if (name === TWO_ADDRESSES) process.nextTick(answer, null, addresses)
  else process.nextTick(answer, null, name, 4)
}
