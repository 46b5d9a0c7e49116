import { ActionIcon, Textarea } from '@mantine/core'
import type { KeyboardEvent } from 'react'
import { Icon } from './icons.tsx'

interface KeyboardProps {
  label: string
  placeholder: string
  text: string
  onChange: (text: string) => void
  empty: boolean
  sending: boolean
  onSend: () => void
  onFocus?: () => void
}

/** Writes and sends, as phones do it: with Enter; a new line is Shift and Enter. */
export function Keyboard({ label, onFocus, placeholder, text, onChange, empty, sending, onSend }: KeyboardProps) {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    if (!empty && !sending) onSend()
  }
  return (
    <>
      <Textarea
        flex={1}
        radius="xl"
        size="sm"
        autosize
        minRows={1}
        maxRows={4}
        aria-label={label}
        placeholder={placeholder}
        value={text}
        onChange={(event) => onChange(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        {...(onFocus === undefined ? {} : { onFocus })}
      />
      <ActionIcon
        size={34}
        radius="xl"
        aria-label={`Send: ${label}`}
        disabled={empty}
        loading={sending}
        onClick={onSend}
      >
        <Icon name="send" />
      </ActionIcon>
    </>
  )
}
