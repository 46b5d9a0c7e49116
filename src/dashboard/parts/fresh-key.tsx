import { Alert, Stack, TextInput } from '@mantine/core'
import { Copy } from './copy.tsx'

export interface NewKey {
  api_key_id: string
  api_secret_key: string
}

/** A key that was just made. */
export function FreshKey({ fresh, onDone }: { fresh: NewKey; onDone: () => void }) {
  return (
    <Alert
      color="teal"
      title="The secret is shown this once"
      withCloseButton
      closeButtonLabel="Close"
      onClose={onDone}
      mb="sm"
    >
      <Stack gap="xs">
        <TextInput readOnly size="xs" label="API key id" value={fresh.api_key_id} />
        <TextInput readOnly size="xs" label="API secret key" value={fresh.api_secret_key} />
        <Copy size="xs" value={fresh.api_secret_key} name="Copy the secret" />
      </Stack>
    </Alert>
  )
}
