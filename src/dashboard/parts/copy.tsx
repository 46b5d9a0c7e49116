import { Button, type ButtonProps } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import type { Ref } from 'react'

interface CopyProps extends ButtonProps {
  value: string
  name?: string
  ref?: Ref<HTMLButtonElement>
  'aria-label'?: string
}

/** Says so where a browser refuses it, as it does on plain http that is not this machine. */
export function Copy({ value, name = 'Copy', ...button }: CopyProps) {
  const { copy, copied, error } = useClipboard()
  return (
    <Button variant="default" {...button} onClick={() => copy(value)}>
      {copied ? 'Copied' : error === null ? name : 'Not copied: select it'}
    </Button>
  )
}
