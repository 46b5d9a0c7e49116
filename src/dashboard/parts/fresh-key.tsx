import { Alert, Stack, TextInput } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { useKept } from '../drafts.ts'
import { Copy } from './copy.tsx'

export interface NewKey {
  api_key_id: string
  api_secret_key: string
}

/** Their secrets are shown this once: each stands there until it is put away, also for who has left the view meanwhile. */
export function useFreshKeys(place: string) {
  const [fresh = [], change] = useKept<NewKey[]>(`fresh ${place}`)
  return {
    fresh,
    show: (made: NewKey) => change((before = []) => [made, ...before]),
    putAway: (id: string) => change((before = []) => before.filter(({ api_key_id }) => api_key_id !== id)),
  }
}

interface FreshKeyProps {
  fresh: NewKey
  /** Whether it was made this moment. */
  now: boolean
  onDone: () => void
}

/** A key whose secret has to be copied now, or never: that is where the focus goes, unless one comes back to it. */
export function FreshKey({ fresh, now, onDone }: FreshKeyProps) {
  const copy = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (now) copy.current?.focus()
  }, [now])
  return (
    <Alert
      color="teal"
      title="The secret is shown this once"
      withCloseButton
      closeButtonLabel="Close"
      onClose={onDone}
      mb="sm"
    >
      {/* The alert cuts off what sticks out of its content, as the ring around what has the focus would. */}
      <Stack gap="xs" p={4}>
        <TextInput readOnly size="xs" label="API key id" value={fresh.api_key_id} />
        <TextInput readOnly size="xs" label="API secret key" value={fresh.api_secret_key} />
        <Copy ref={copy} size="xs" value={fresh.api_secret_key} name="Copy the secret" />
      </Stack>
    </Alert>
  )
}
