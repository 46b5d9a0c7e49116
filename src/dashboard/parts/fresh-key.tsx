import { Alert, Stack, TextInput } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { Copy } from './copy.tsx'

export interface NewKey {
  api_key_id: string
  api_secret_key: string
}

/** A key that was just made. Its secret has to be copied now, or never: that is where the focus goes. */
export function FreshKey({ fresh, onDone }: { fresh: NewKey; onDone: () => void }) {
  const copy = useRef<HTMLButtonElement>(null)
  useEffect(() => copy.current?.focus(), [])
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
