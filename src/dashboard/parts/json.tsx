import { Code } from '@mantine/core'
import { Copy } from './copy.tsx'

/** JSON as it is on the wire, to read and to take along. */
export function Json({ value, label }: { value: unknown; label: string }) {
  const text = JSON.stringify(value, null, 2)
  return (
    <div className="json">
      <Copy size="compact-xs" className="json-copy" value={text} aria-label={`Copy ${label}`} />
      <Code block tabIndex={0} role="region" aria-label={label}>
        {text}
      </Code>
    </div>
  )
}
