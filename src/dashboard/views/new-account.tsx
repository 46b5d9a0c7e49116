import { Button, Modal, Stack, Switch, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { call, queries, refresh } from '../api.ts'
import { forgetSent, useKept } from '../drafts.ts'
import { BusyButton } from '../parts/busy-button.tsx'
import { FreshKey, type NewKey, useFreshKeys } from '../parts/fresh-key.tsx'
import { Failure } from '../parts/states.tsx'

const NEW_ACCOUNT = ['new-account']
/** Where what is typed is kept. */
const PLACE = 'new account'

interface Typed {
  email: string
  plan: string
  read_receipts_enabled: boolean
}

const AS_A_RULE: Typed = { email: '', plan: 'free_api', read_receipts_enabled: true }

export function NewAccount() {
  const [open, setOpen] = useState(false)
  const { fresh, show, putAway } = useFreshKeys('accounts')
  const create = useMutation({
    mutationKey: NEW_ACCOUNT,
    mutationFn: (draft: Typed) => call<NewKey>('POST', '/operator/accounts', draft),
    onSuccess(made, draft) {
      show(made)
      forgetSent(PLACE, JSON.stringify(draft))
    },
    onSettled: refresh,
  })
  const close = () => {
    setOpen(false)
    create.reset()
  }
  const [shown] = fresh
  const done = () => {
    if (shown) putAway(shown.api_key_id)
    close()
  }
  const closable = shown === undefined && !create.isPending
  return (
    <>
      <Button size="sm" onClick={() => setOpen(true)}>
        New account
      </Button>
      <Modal
        opened={open || shown !== undefined}
        // Asked of the call itself: what is rendered comes a moment after it.
        onClose={() => queries.isMutating({ mutationKey: NEW_ACCOUNT }) === 0 && close()}
        title="New account"
        closeButtonProps={{ 'aria-label': 'Close' }}
        // What is shown once must not be gone by a slip.
        closeOnEscape={closable}
        closeOnClickOutside={closable}
        withCloseButton={closable}
      >
        {shown ? (
          <FreshKey key={shown.api_key_id} fresh={shown} now onDone={done} />
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
  onSubmit: (draft: Typed) => void
}

function AccountForm({ pending, error, onSubmit }: AccountFormProps) {
  const [typed = AS_A_RULE, setTyped] = useKept<Typed>(PLACE)
  const type = (change: Partial<Typed>) => setTyped({ ...typed, ...change })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    onSubmit(typed)
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput
          type="email"
          label="E-mail"
          required
          data-autofocus
          value={typed.email}
          onChange={(event) => type({ email: event.currentTarget.value })}
        />
        <TextInput
          label="Plan"
          required
          value={typed.plan}
          onChange={(event) => type({ plan: event.currentTarget.value })}
        />
        <Switch
          label="Read receipts enabled"
          checked={typed.read_receipts_enabled}
          onChange={(event) => type({ read_receipts_enabled: event.currentTarget.checked })}
        />
        {error && <Failure error={error} />}
        <BusyButton type="submit" busy={pending}>
          Create
        </BusyButton>
      </Stack>
    </form>
  )
}
