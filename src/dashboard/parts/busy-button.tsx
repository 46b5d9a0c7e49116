import { ActionIcon, type ActionIconProps, Button, type ButtonProps } from '@mantine/core'
import type { ComponentProps, MouseEvent } from 'react'

type Busy<Look> = Omit<Look, 'loading' | 'disabled'> &
  Omit<ComponentProps<'button'>, keyof Look | 'disabled'> & { busy: boolean }

/**
 * Looks as Mantine's button does while it is loading, but is not disabled then: the focus would fall to the page, and whoever
 * works by the keyboard would begin anew.
 */
export function BusyButton({ busy, onClick, ...button }: Busy<ButtonProps>) {
  return (
    <Button
      {...button}
      loading={busy}
      aria-busy={busy}
      onClick={(event) => pressed(event, busy, onClick)}
      renderRoot={withFocus}
    />
  )
}

/** The same with an icon alone. */
export function BusyIcon({ busy, onClick, ...button }: Busy<ActionIconProps>) {
  return (
    <ActionIcon
      {...button}
      loading={busy}
      aria-busy={busy}
      onClick={(event) => pressed(event, busy, onClick)}
      renderRoot={withFocus}
    />
  )
}

/** Enter in a field presses the button of its form too: what is on its way is not submitted again. */
function pressed(event: MouseEvent<HTMLButtonElement>, busy: boolean, onClick: ComponentProps<'button'>['onClick']) {
  if (busy) event.preventDefault()
  else onClick?.(event)
}

function withFocus({ disabled: _, ...root }: ComponentProps<'button'>) {
  return <button type="button" {...root} />
}
