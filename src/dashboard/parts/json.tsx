import { Button, Code, CopyButton } from '@mantine/core'

/** JSON as it is on the wire, to read and to take along. */
export function Json({ value, label }: { value: unknown; label: string }) {
  const text = JSON.stringify(value, null, 2)
  return (
    <div className="json">
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Button size="compact-xs" variant="default" className="json-copy" onClick={copy} aria-label={`Copy ${label}`}>
            {copied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </CopyButton>
      <Code block tabIndex={0} role="region" aria-label={label}>
        {text}
      </Code>
    </div>
  )
}
