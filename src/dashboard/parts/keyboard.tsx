import { Textarea } from '@mantine/core'
import type { KeyboardEvent } from 'react'
import { BusyIcon } from './busy-button.tsx'
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
  const send = () => {
    if (!empty) onSend()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || choosesCharacter(event)) return
    event.preventDefault()
    if (!sending) send()
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
      <BusyIcon
        size={34}
        radius="xl"
        aria-label={`Send: ${label}`}
        // Not disabled: it has the focus where it was pressed, and what was typed is gone by then.
        aria-disabled={empty}
        data-disabled={empty}
        busy={sending}
        onClick={send}
      >
        <Icon name="send" />
      </BusyIcon>
    </>
  )
}

/** Of who writes Japanese or Chinese. Safari tells of that Enter when the character is chosen already, by this code alone. */
function choosesCharacter({ nativeEvent }: KeyboardEvent): boolean {
  return nativeEvent.isComposing || nativeEvent.keyCode === 229
}
