import { useState } from 'react'
import { BusyButton } from './busy-button.tsx'

/** Asks once more, and forgets that it did where one goes elsewhere. `what` is removed: a number, a URL. */
export function RemoveButton({ what, busy, onRemove }: { what: string; busy: boolean; onRemove: () => void }) {
  const [doomed, setDoomed] = useState(false)
  const name = doomed ? 'Really remove' : 'Remove'
  return (
    <BusyButton
      size="compact-xs"
      color="red"
      variant={doomed ? 'filled' : 'subtle'}
      aria-label={`${name} ${what}`}
      busy={busy}
      onBlur={() => setDoomed(false)}
      onClick={() => (doomed ? onRemove() : setDoomed(true))}
    >
      {name}
    </BusyButton>
  )
}
