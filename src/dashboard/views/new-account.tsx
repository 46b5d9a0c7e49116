import { Button, Modal, Stack, Switch, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { call, queries, refresh } from '../api.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { FreshKey, type NewKey } from '../parts/fresh-key.tsx'
import { Failure } from '../parts/states.tsx'

const NEW_ACCOUNT = ['new-account']

export function NewAccount() {
  const [open, setOpen] = useState(false)
  const create = useMutation({
    mutationKey: NEW_ACCOUNT,
    mutationFn: (draft: object) => call<NewKey>('POST', '/operator/accounts', draft),
    onSettled: refresh,
  })
  const close = () => {
    setOpen(false)
    create.reset()
  }
  const closable = create.isIdle || create.isError
  return (
    <>
      <Button size="sm" onClick={() => setOpen(true)}>
        New account
      </Button>
      <Modal
        opened={open}
        // Asked of the call itself: what is rendered comes a moment after it.
        onClose={() => queries.isMutating({ mutationKey: NEW_ACCOUNT }) === 0 && close()}
        title="New account"
        closeButtonProps={{ 'aria-label': 'Close' }}
        // What is shown once must not be gone by a slip.
        closeOnEscape={closable}
        closeOnClickOutside={closable}
        withCloseButton={closable}
      >
        {create.data ? (
          <FreshKey fresh={create.data} onDone={close} />
        ) : (
          <AccountForm pending={create.isPending} error={create.error} onSubmit={create.mutate} />
        )}
      </Modal>
    </>
  )
}

interface AccountFormProps {
  pending: boolean
  error: Error | null
  onSubmit: (draft: object) => void
}

function AccountForm({ pending, error, onSubmit }: AccountFormProps) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const given = new FormData(event.currentTarget)
    onSubmit({
      email: given.get('email'),
      plan: given.get('plan'),
      read_receipts_enabled: given.get('enabled') === 'on',
    })
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput name="email" type="email" label="E-mail" required data-autofocus />
        <TextInput name="plan" label="Plan" defaultValue="free_api" required />
        <Switch name="enabled" label="Read receipts enabled" defaultChecked />
        {error && <Failure error={error} />}
        <BusyButton type="submit" busy={pending}>
          Create
        </BusyButton>
      </Stack>
    </form>
  )
}
