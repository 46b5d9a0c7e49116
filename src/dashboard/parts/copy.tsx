import { Button, type ButtonProps } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import type { Ref } from 'react'

interface CopyProps extends ButtonProps {
  value: string
  name?: string
  ref?: Ref<HTMLButtonElement>
  'aria-label'?: string
}

/**
 * Says so where a browser refuses it, as it does on plain http that is not this machine; and to whoever listens whichever it was, since
 * its name may be another than what it shows.
 */
export function Copy({ value, name = 'Copy', ...button }: CopyProps) {
  const { copy, copied, error } = useClipboard()
  const told = copied ? 'Copied' : error === null ? '' : 'Not copied: select it'
  return (
    <>
      <Button variant="default" {...button} onClick={() => copy(value)}>
        {told || name}
      </Button>
      <span className="visually-hidden" role="status">
        {told}
      </span>
    </>
  )
}
