import type { Readback } from './readback.ts'

/** For `Basic` a browser would open a dialog of its own. */
export const CHALLENGE = 'Bearer realm="Readback"'

/** What a server took for a fault of its own. */
export function defectsOf({ logs }: Pick<Readback, 'logs'>): string[] {
  return logs.filter((line) => JSON.parse(line).level >= 50)
}
